"""Summaries that a command prints at its end: records, segments, places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from custseg_spark.core.segments.statuses import DIED
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_SEGMENTS,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_PROFILES,
)

if TYPE_CHECKING:
    # Imported for types only: each command prints its own result without loading the others'
    # modules.
    from custseg_spark.engine.lake.lake import Lake
    from custseg_spark.outputs.exports import Exported
    from custseg_spark.outputs.exports.checking import Checked
    from custseg_spark.paths import Place
    from custseg_spark.pipeline.gate import Passed
    from custseg_spark.pipeline.ingest import IngestSummary
    from custseg_spark.pipeline.maintenance import Maintained
    from custseg_spark.pipeline.runs import SegmentRun


_OF_A_CHOICE = (
    *("algorithm", "k", "chosen", "why", "silhouette"),
    *("euclidean_silhouette", "euclidean_customers"),
)


def of_ingest(summary: IngestSummary) -> str:
    """Summarise the ledger of this ingest in a few lines."""
    lines = []
    if summary.files:
        ignored = f" + {summary.ignored:,} ignored" if summary.ignored else ""
        lines.append(
            f"Ingested {summary.files} file{'s' * (summary.files != 1)}: {summary.read:,} records ="
            f" {summary.accepted:,} accepted + {summary.rejected:,} rejected"
            f"{ignored} + {summary.duplicates:,} duplicates ({summary.rounded:,} amounts rounded)"
        )
    if summary.known_files:
        lines.append(
            f"{summary.known_files} file{'s' * (summary.known_files != 1)} already in the ledger:"
            " nothing to add"
        )
    lines += [f"Skipped {path}: {reason}" for path, reason in summary.skipped]
    return "\n".join(lines) or "Nothing to ingest"


def of_gate(passed: Passed) -> str:
    """Summarise the findings of the gate."""
    return (
        f"Fit to be segmented: {passed.events:,} events, as the ledger of {passed.files:,}"
        f" file{'s' * (passed.files != 1)} says; {passed.last_day_events:,} on {passed.last_day}"
        f" (median of the days before: {passed.usual_events:,.0f})"
    )


def of_segments(lake: Lake, run: SegmentRun) -> str:
    """Return the segments of a run as a table, and the tables' names."""
    names = [n for n in SEGMENT_PROFILES.schema.names if n not in ("centroid", "evidence")]
    profiles = lake.rows(SEGMENT_PROFILES, names, [run.run_date]).to_pylist()
    living = sorted((r for r in profiles if r["status"] != DIED), key=lambda r: r["segment_id"])
    lines = [f"\nSegments of {run.customers:,} customers on {run.run_date}"]
    lines += [f"Warning: {warning}" for warning in run.warnings]
    if run.is_older:
        lines.append("Nothing has changed since this run: it stands (--again makes it anew)")
    lines.append(f"Models: {run.plan.use}, {run.plan.reason}")
    for chosen in _chosen(lake, run):
        lines.append(f"\n{chosen['algorithm']}, k = {chosen['k']}: {chosen['why']}")
        lines += _silhouettes(chosen)
        lines.append(
            f"  id  {'segment':<26}{'customers':>12}{'share':>8}{'revenue':>9}{'orders':>8}"
            f"{'spend':>11}{'last seen':>13}"
        )
        candidates = [r for r in living if r["algorithm"] == chosen["algorithm"]]
        lines += [*map(_segment_line, candidates), *_unreliable(candidates)]
    if run.left_out:
        reasons = "; ".join(f"{name}: {why}" for name, why in sorted(run.left_out.items()))
        lines.append(f"\nNot in the model: {reasons}")
    lines.append(f"\nTables: {lake.name(CUSTOMER_SEGMENTS)}, {lake.name(SEGMENT_PROFILES)} and")
    lines.append(f"others beside them; {lake.name(RUNS)} says how they were made")
    return "\n".join(lines)


def _segment_line(row: Mapping[str, Any]) -> str:
    features = dict(row["features"])
    orders, spend = features["frequency"]["mean"], features["monetary"]["mean"]
    last_seen = features["days_since_last_event"]["median"]
    return (
        f"{row['segment_id']:>4}  {row['segment_name']:<26}{row['customers']:>12,}"
        f"{row['customer_share']:>8.1%}{row['revenue_share']:>9.1%}{number(orders, '.2f'):>8}"
        f"{number(spend, ',.2f'):>11}{number(last_seen, '.0f'):>8} days"
    )


def _unreliable(segments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which segments refits don't find again."""
    ids = [str(r["segment_id"]) for r in segments if r["is_reliable"] is False]
    line = f"  not to be relied on, because refits don't find them again: {', '.join(ids)}"
    return [line] if ids else []


def _chosen(lake: Lake, run: SegmentRun) -> list[Mapping[str, Any]]:
    """Return the rows of the chosen clusterings, in the order of the models."""
    rows = lake.rows(MODEL_SELECTION, _OF_A_CHOICE, [run.run_date]).to_pylist()
    order = list(run.models)
    return sorted((r for r in rows if r["chosen"]), key=lambda r: order.index(r["algorithm"]))


def _silhouettes(chosen: Mapping[str, Any]) -> list[str]:
    """Return both silhouettes of a chosen clustering with their distances, which share one name."""
    euclidean = chosen["euclidean_silhouette"]
    if euclidean is None:
        return []
    squared = f"{chosen['silhouette']:.3f} (squared Euclidean)"
    plain = f"{euclidean:.3f} (Euclidean, of {chosen['euclidean_customers']:,} customers)"
    return [f"  silhouette of all: {squared}, {plain}"]


def number(value: float | None, form: str) -> str:
    """Format a number, or a dash.

    An empty segment has no mean, a segment without sampled customers no median.
    """
    return "–" if value is None else format(value, form)


def of_report(files: Sequence[Place]) -> str:
    """Say where the report is."""
    pages = [str(file) for file in files if file.suffix == ".html"]
    return f"Report: {', '.join(pages)}"


def of_export(exported: Exported) -> str:
    """Say what was written where."""
    lines = [f"Exported the run of {exported.run_date} ({exported.algorithm}) to {exported.target}"]
    lines += [f"  {name:<28}{rows:>12,} rows" for name, rows in exported.rows.items()]
    return "\n".join(lines)


def of_maintenance(done: Maintained) -> str:
    """What was removed and put together."""
    days = ", ".join(day.isoformat() for day in done.removed_runs)
    files = ", ".join(f"{count:,} of {name}" for name, count in done.compacted.items())
    return "\n".join(
        [
            f"Removed runs: {days or 'none'}; rows of {done.leftovers} dead runs",
            f"Small files put together: {files or 'none'}",
        ]
    )


def of_check(checked: Checked) -> str:
    """Summarise a comparison without differences."""
    lines = [f"{checked.target} holds the run of {checked.run_date}:"]
    lines += [
        f"  {table.name:<27}{table.rows:>12,} rows, as in the lake" for table in checked.tables
    ]
    return "\n".join(lines)
