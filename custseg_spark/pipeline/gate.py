"""Check whether a lake is fit to be segmented: ingest sees only one batch of files.

Ingest checks the share of refused records, by the mapping's own limit.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import GateConfig
from custseg_spark.engine.lake import runs
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, TABLES
from custseg_spark.errors import GateError
from custseg_spark.pipeline import concentration

_DAYS_BEFORE = 7
# A row of the ledger.
File = Mapping[str, Any]
_PARTS = ("header", "blank", "accepted", "rejected", "ignored", "duplicates")


@dataclass(frozen=True)
class Passed:
    """The gate's figures: the last day before the run date, and the seven days before that."""

    files: int
    events: int
    last_day: date
    last_day_events: int
    usual_events: float


def check(lake: Lake, config: GateConfig, run_date: date | None) -> Passed:
    """Raise GateError for a lake that isn't fit to be segmented.

    Its ledger must add up and agree with `events`, the days before the run date (None: the day
    after the last event) must have events, and no customer too many of them. Raises InputError for
    a lake of 0.1.
    """
    lake.require_format()
    if lake.native is not None:
        # Otherwise events may be there before their ledger rows.
        runs.wait_for_journals(lake.native, TABLES)
    lake = lake.at_one_moment((EVENTS, INGEST_FILES))
    files = [r for r in lake.rows(INGEST_FILES).to_pylist() if r["skipped_because"] is None]
    events = lake.read(EVENTS)
    _check_sums(files)
    counted = _check_events(files, events)
    largest = concentration.of_events(events)
    if largest and (problem := largest.problem(config.max_customer_share)):
        raise GateError(problem)
    by_day = _events_by_day(events, run_date)
    last = max(by_day, default=None)
    if last is None:
        raise GateError(f"{lake.name(EVENTS)} has no event before {run_date}")
    usual = statistics.median(
        by_day.get(last - timedelta(days=n), 0) for n in range(1, _DAYS_BEFORE + 1)
    )
    passed = Passed(len(files), counted, last, by_day[last], usual)
    _check_days(passed, config, run_date or last + timedelta(days=1))
    return passed


def _check_sums(files: Sequence[File]) -> None:
    for file in files:
        parts = {name: file[name] for name in _PARTS}
        if sum(parts.values()) != file["physical_records"]:
            sum_of_parts = " + ".join(f"{count:,} {name}" for name, count in parts.items())
            raise GateError(
                f"{file['source_file']}: {file['physical_records']:,} records are not"
                f" {sum_of_parts};"
                " the ledger was changed by hand"
            )


def _check_events(files: Sequence[File], events: DataFrame) -> int:
    """Return the number of events, checked against the ledger by one scan of two columns."""
    counts = {
        (r.source, r.file_id): r["count"]
        for r in events.groupBy("source", "file_id").count().collect()
    }
    files_by_key = {(f["source"], f["file_id"]): f for f in files}
    for key, count in counts.items():
        if key not in files_by_key:
            raise GateError(
                f"{count:,} events of source {key[0]} are of a file that the ledger lacks: an"
                " ingest was killed, or is at work; run it again"
            )
    # A source without any event has other records, such as customer attributes.
    of_events = {source for source, _ in counts}
    for key, file in files_by_key.items():
        if key[0] in of_events and file["accepted"] != counts.get(key, 0):
            raise GateError(
                f"{file['source_file']}: the ledger has {file['accepted']:,} accepted records, the"
                f" table of events {counts.get(key, 0):,} of them"
            )
    return sum(counts.values())


def _events_by_day(events: DataFrame, run_date: date | None) -> Mapping[date, int]:
    """Count the events of the last day before the run date, and of the days before it, by date."""
    before = events if run_date is None else events.where(F.col("event_date") < F.lit(run_date))
    last: date | None = before.agg(F.max("event_date")).collect()[0][0]
    if last is None:
        return {}
    first = last - timedelta(days=_DAYS_BEFORE)
    rows = before.where(F.col("event_date") >= F.lit(first)).groupBy("event_date").count()
    return {r.event_date: r["count"] for r in rows.collect()}


def _check_days(passed: Passed, config: GateConfig, run_date: date) -> None:
    behind = (run_date - passed.last_day).days
    if behind > config.max_days_behind:
        raise GateError(
            f"the last event before {run_date} is of {passed.last_day}, {behind} days earlier; at"
            f" most {config.max_days_behind} allowed (gate.max_days_behind): has the log arrived?"
        )
    if passed.last_day_events < config.min_day_share * passed.usual_events:
        raise GateError(
            f"{passed.last_day} has {passed.last_day_events:,} events, the median of the"
            f" {_DAYS_BEFORE} days before is {passed.usual_events:,.0f}; at least"
            f" {config.min_day_share:.0%} of it expected (gate.min_day_share): is the log whole?"
        )
