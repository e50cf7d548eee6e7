"""Features of a sample of a file's customers, without Spark or a lake, for curves over k.

The whole file is read once, a chunk at a time; each sampled customer's events are complete. Memory
holds the events of the sample, about half a kilobyte each while features are computed.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.schema import EVENTS, LATEST_AFTER_INGEST
from custseg_spark.core.events.validation import ValidatedEvents, validate_events
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.core.frames import compact
from custseg_spark.core.sampling import HASH_STEPS, hash_step
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.readers import READERS, Opened, Opening
from custseg_spark.errors import InputError
from custseg_spark.pipeline.in_memory import features_of_events

MOST_EVENTS = 400_000
_PIECE_BYTES = 1 << 23
_ABOUT = b"custseg.sample"
# Another hash than that of the models' samples: by the same hash, a sample would take all customers
# here.
SEED = 1
_KEPT = (
    *("event_date", "event_at", "event_type", "event_id", "customer_id", "session_id", "order_id"),
    *("product_id", "category_id", "brand", "unit_price", "quantity", "discount"),
)

# Called after each chunk with the bytes read so far and the bytes of the file.
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class About:
    """The counts of the whole file. `share` of the customers are in the sample."""

    run_date: date
    accepted: int
    refused: int
    ignored: int
    share: float


@dataclass(frozen=True)
class SampledFeatures:
    """Rows of `customer_features` without scores and lifetime values, by customer id."""

    features: pa.Table
    about: About

    def write(self, path: Path) -> None:
        """Write a Parquet file that `read` reads."""
        about = json.dumps(asdict(self.about), default=str).encode()
        pq.write_table(self.features.replace_schema_metadata({_ABOUT: about}), path)


def read(path: Path) -> SampledFeatures:
    """Read what `write` wrote."""
    table = pq.read_table(path)
    values = json.loads(table.schema.metadata[_ABOUT])
    day = date.fromisoformat(values.pop("run_date"))
    return SampledFeatures(table.replace_schema_metadata(None), About(run_date=day, **values))


def sampled_features(
    file: SourceFile,
    mapping: MappingFile,
    staging: Path,
    *,
    now: datetime,
    most_events: int = MOST_EVENTS,
    tell: Tell = lambda _read, _all: None,
) -> SampledFeatures:
    """Compute the features of a sample of customers with at most `most_events` events in all.

    The run date is the day after the last event. Raises InputError as ingest does, and if no event
    is accepted.
    """
    sample = _Sample(most_events, drops_copies=mapping.duplicates == "drop")
    whole = [piece for opened in _opened(file, mapping, staging) for piece in opened.pieces]
    total, done = sum(piece.size for piece in whole), 0
    for piece in whole:
        for records in piece.records(mapping):
            latest = now + LATEST_AFTER_INGEST
            origin = {"source_file": file.name, "file_id": piece.file_id}
            sample.add(validate_events(records, mapping, latest=latest, **origin))
        done += piece.size
        tell(done, total)
    return sample.features()


def _opened(file: SourceFile, mapping: MappingFile, staging: Path) -> Iterator[Opened]:
    opened = READERS[file.kind](file, "sample", mapping, Opening(None, staging, _PIECE_BYTES))
    if isinstance(opened, str):
        raise InputError(f"{file.name}: {opened}")
    yield from opened if isinstance(opened, list) else [opened]


@dataclass
class _Sample:
    """The events of customers below a step of the ids' hash.

    The step is halved when the events become too many. So the customers don't depend on the order
    of the events.
    """

    most_events: int
    drops_copies: bool
    below: int = HASH_STEPS
    held: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0
    levels: list[pl.DataFrame] = field(default_factory=list)
    last: date | None = None
    accepted: int = 0
    refused: int = 0
    ignored: int = 0

    def add(self, valid: ValidatedEvents) -> None:
        """Count a chunk, and keep its events of sampled customers."""
        events = valid.events
        if self.drops_copies:
            events = events.filter(pl.Series(~repeated(valid.id_high, valid.id_low)))
        self.accepted += len(events)
        self.refused += len(valid.rejected)
        self.ignored += valid.ignored
        if events.is_empty():
            return
        sums = pl.concat([*self.levels, category_sums(events)])
        self.levels = [sums.group_by("key").agg(pl.col("log_high", "log_low", "count").sum())]
        last = events["event_date"].max()
        assert isinstance(last, date)
        self.last = last if self.last is None else max(self.last, last)
        self._hold(events.select(_KEPT))

    def _hold(self, events: pl.DataFrame) -> None:
        kept = self._below(events)
        self.held.append(kept)
        self.rows += len(kept)
        while self.rows > self.most_events and self.below > 1:
            self.below //= 2
            self.held = [self._below(pl.concat(self.held))]
            self.rows = len(self.held[0])

    def _below(self, events: pl.DataFrame) -> pl.DataFrame:
        if self.below == HASH_STEPS:
            return events
        steps = events.select(hash_step("customer_id", seed=SEED)).to_series()
        return compact(events.filter(steps < self.below))

    def features(self) -> SampledFeatures:
        """Compute the features of the sampled customers as of the day after the last event."""
        if self.last is None or not self.rows:
            raise InputError(
                f"no event was accepted: {self.refused:,} records were refused, and"
                f" {self.ignored:,} are of event types that the mapping ignores"
            )
        run_date = self.last + timedelta(days=1)
        events = pl.concat(self.held)
        if self.drops_copies:
            events = events.unique("event_id", keep="first", maintain_order=True)
        levels = Levels(*price_levels(pl.concat(self.levels)))
        learned = Learned(run_date, levels, Cutoffs())
        missing = [pl.lit(None, EVENTS[n]).alias(n) for n in EVENTS if n not in events.columns]
        features = features_of_events(
            events.with_columns(missing).select(EVENTS.names()), as_of=run_date, learned=learned
        )
        about = About(run_date, self.accepted, self.refused, self.ignored, self.below / HASH_STEPS)
        return SampledFeatures(features, about)
