"""Report a stream's batches: a line each, and metrics for Prometheus."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from custseg_spark.errors import ConfigurationError

if TYPE_CHECKING:
    from custseg_spark.pipeline.stream.following import Worked


def line(worked: "Worked", now: datetime) -> str:
    """Describe a batch in one line, with one more for each skipped file."""
    batch, summary = worked.batch, worked.batch.ingested.summary
    if batch.is_known:
        return f"batch {batch.number}: done before"
    parts = [
        f"batch {batch.number}: {summary.read:,} records = {summary.accepted:,} accepted"
        f" + {summary.rejected:,} rejected + {summary.duplicates:,} duplicates"
        + (f" + {summary.ignored:,} ignored" if summary.ignored else ""),
        _segments(worked),
        f"{worked.seconds:.1f} s, {rows_a_second(worked):,.0f} rows/s",
    ]
    lag = lag_seconds(worked, now)
    if lag is not None:
        parts[-1] += f", lag {lag:,.1f} s"
    passed = [f"  passed over {name}: {why}" for name, why in batch.ingested.quarantined]
    return "\n".join(["; ".join(parts), *passed])


def _segments(worked: "Worked") -> str:
    batch = worked.batch
    if batch.as_of is None:
        return f"no segments: {batch.why_not}"
    all_of = "all " if batch.is_everyone else ""
    held_text = f", {batch.updated.held:,} held" if batch.updated.held else ""
    return (
        f"{all_of}{batch.updated.customers:,} customers as of {batch.as_of} by the model of"
        f" {batch.run_date}, {batch.updated.changed:,} changed segment{held_text}"
    )


def rows_a_second(worked: "Worked") -> float:
    """Return a batch's records per second."""
    return worked.batch.ingested.summary.read / worked.seconds if worked.seconds else 0.0


def lag_seconds(worked: "Worked", now: datetime) -> float | None:
    """Return the seconds from the arrival of a batch's oldest file or message to its end."""
    return max((now - worked.oldest).total_seconds(), 0.0) if worked.oldest else None


class StreamMetrics:
    """Counters and gauges of a stream, written to a file or served at a port."""

    def __init__(self, file: Path | None, port: int | None, host: str) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError as error:
            raise ConfigurationError(
                "metrics need prometheus_client: pip install 'custseg-spark[stream]'"
            ) from error
        self._file, self._to_file = file, prometheus.write_to_textfile
        registry = self.registry = prometheus.CollectorRegistry()
        counter, gauge = prometheus.Counter, prometheus.Gauge
        name = "custseg_stream"
        self.batches = counter(f"{name}_batches", "Batches worked off", registry=registry)
        self.records = counter(f"{name}_records", "Records by what became of them", ["outcome"],
                               registry=registry)  # fmt: skip
        self.passed = counter(
            f"{name}_files_passed_over", "Files that can't be read", registry=registry
        )
        self.customers = counter(f"{name}_customers", "Rows of segments written", registry=registry)
        self.changed = counter(
            f"{name}_segment_changes", "Customers who changed", registry=registry
        )
        self.held = gauge(f"{name}_held_customers", "Held in the last batch", registry=registry)
        self.batch = gauge(f"{name}_last_batch", "Number of the last batch", registry=registry)
        self.seconds = gauge(f"{name}_batch_seconds", "Of the last batch", registry=registry)
        self.rate = gauge(f"{name}_records_per_second", "Of the last batch", registry=registry)
        self.lag = gauge(f"{name}_lag_seconds", "From arrival to the end of its batch, the oldest",
                         registry=registry)  # fmt: skip
        self.as_of = gauge(
            f"{name}_as_of_seconds", "Date of the segments, Unix time", registry=registry
        )
        self.done_at = gauge(f"{name}_done_at_seconds", "End of the last batch, Unix time",
                             registry=registry)  # fmt: skip
        if port is not None:
            prometheus.start_http_server(port, addr=host, registry=registry)

    def tell(self, worked: "Worked", now: datetime) -> None:
        """Count a batch."""
        batch, summary = worked.batch, worked.batch.ingested.summary
        self.batches.inc()
        for outcome in ("accepted", "rejected", "ignored", "duplicates"):
            self.records.labels(outcome).inc(getattr(summary, outcome))
        self.passed.inc(len(batch.ingested.quarantined))
        self.customers.inc(batch.updated.customers)
        self.changed.inc(batch.updated.changed)
        self.held.set(batch.updated.held)
        self.batch.set(batch.number)
        self.seconds.set(worked.seconds)
        self.rate.set(rows_a_second(worked))
        lag = lag_seconds(worked, now)
        if lag is not None:
            self.lag.set(lag)
        if batch.as_of is not None:
            self.as_of.set(datetime.combine(batch.as_of, time.min, UTC).timestamp())
        self.done_at.set(now.timestamp())
        if self._file is not None:
            self._to_file(str(self._file), self.registry)
