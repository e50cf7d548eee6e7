"""What earlier runs left behind: the segments that a new run continues, and their models."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    DIED,
    RUNS,
    SEGMENT_PROFILES,
)
from custseg_spark.errors import InputError
from custseg_spark.models.identity import KnownSegment
from custseg_spark.models.results import Ancestor


@dataclass(frozen=True)
class Segment:
    """A living segment of an earlier run."""

    known: KnownSegment
    ancestor: Ancestor
    customers: int


@dataclass(frozen=True)
class PreviousRun:
    """The run whose segments a new one continues: the latest of an earlier run date.

    `made_with` are the settings that its models were fitted with (`settings_of`).
    """

    run_date: date
    models: Mapping[str, str]
    made_with: Mapping[str, Any]
    features: tuple[str, ...]
    fitted_on: date
    segments: Mapping[str, Mapping[int, Segment]]

    def k(self, algorithm: str) -> int | None:
        """How many segments an algorithm had; None where it wasn't run."""
        return len(self.segments.get(algorithm, {})) or None

    @property
    def customers(self) -> int:
        """How many customers it had."""
        counts = [sum(s.customers for s in own.values()) for own in self.segments.values()]
        return max(counts, default=0)

    def known(self, algorithm: str) -> list[KnownSegment]:
        """An algorithm's living segments, by id."""
        return [segment.known for segment in self.segments.get(algorithm, {}).values()]

    def ancestors(self, algorithm: str) -> dict[int, Ancestor]:
        """An algorithm's living segments' names and birth, by id."""
        return {i: segment.ancestor for i, segment in self.segments.get(algorithm, {}).items()}


@dataclass(frozen=True)
class Past:
    """All that a run must know of others: the previous one, the ids in use, and what this very
    run date bore when it ran before (a rerun gives the same ids)."""

    previous: PreviousRun | None
    last_ids: Mapping[str, int]
    reborn: Mapping[str, tuple[KnownSegment, ...]]

    def next_id(self, algorithm: str) -> int:
        """The first id that no segment of any other run date has."""
        return self.last_ids.get(algorithm, 0) + 1


def past(lake: Lake, run_date: date) -> Past:
    """What other runs left, as seen from `run_date`."""
    others = lake.read(SEGMENT_PROFILES).where(F.col("run_date") != F.lit(run_date))
    last_ids = others.groupBy("algorithm").agg(F.max("segment_id").alias("last")).collect()
    own = _profiles(lake, run_date)
    reborn: dict[str, list[KnownSegment]] = {}
    for row in own:
        if row.born_on == run_date and row.status != DIED:
            reborn.setdefault(row.algorithm, []).append(_known(row))
    return Past(
        previous_run(lake, run_date),
        {row.algorithm: row.last for row in last_ids},
        {algorithm: tuple(found) for algorithm, found in reborn.items()},
    )


def previous_run(lake: Lake, run_date: date) -> PreviousRun | None:
    """The run of the latest run date before `run_date`; None where there is none."""
    earlier = lake.read(RUNS).where(F.col("run_date") < F.lit(run_date))
    rows = earlier.orderBy(F.desc("run_date")).limit(1).collect()
    return _previous(lake, rows[0]) if rows else None


def find(lake: Lake, run_date: date) -> PreviousRun | None:
    """The run of exactly that run date; None where there is none."""
    rows = lake.read(RUNS).where(F.col("run_date") == F.lit(run_date)).collect()
    return _previous(lake, rows[0]) if rows else None


def run_of(lake: Lake, run_date: date) -> PreviousRun:
    """The run of exactly that run date. Raises InputError where there is none."""
    run = find(lake, run_date)
    if run is None:
        dates = sorted(str(r.run_date) for r in lake.read(RUNS).select("run_date").collect())
        there_are = f"there are {', '.join(dates)}" if dates else "there is none at all"
        raise InputError(f"no run of {run_date} in {lake.name(RUNS)}; {there_are}")
    return run


def customers_of(lake: Lake, run: PreviousRun | None) -> DataFrame:
    """One row a customer and algorithm of a run: segment and `monetary`; no row without a run."""
    is_its = F.col("run_date") == F.lit(run.run_date) if run else F.lit(False)
    segments = lake.read(CUSTOMER_SEGMENTS).where(is_its)
    spend = lake.read(CUSTOMER_FEATURES).where(is_its).select("customer_id", "monetary")
    return segments.select("customer_id", "algorithm", "segment_id").join(
        spend, "customer_id", how="inner"
    )


def _previous(lake: Lake, row: Row) -> PreviousRun:
    segments: dict[str, dict[int, Segment]] = {}
    for profile in _profiles(lake, row.run_date):
        if profile.status != DIED:
            ancestor = Ancestor(profile.segment_name, profile.born_on)
            own = Segment(_known(profile), ancestor, profile.customers)
            segments.setdefault(profile.algorithm, {})[profile.segment_id] = own
    return PreviousRun(
        row.run_date,
        row.models,
        _made_with(lake, row),
        tuple(row.features),
        row.fitted_on,
        segments,
    )


def _made_with(lake: Lake, row: Row) -> Mapping[str, Any]:
    """What the models of a run were fitted with, by the run that fitted them; empty if it is
    gone."""
    if row.fitted_on != row.run_date:
        fitted = lake.read(RUNS).where(F.col("run_date") == F.lit(row.fitted_on)).collect()
        if not fitted:
            return {}
        [row] = fitted
    return settings_of(json.loads(row.config))


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that make a model: its section, and which customers a trial left."""
    limits = {key: config["run"][key] for key in ("sample_fraction", "max_rows")}
    return {**config["model"], **limits}


def _profiles(lake: Lake, run_date: date) -> list[Row]:
    """The segments' rows of a run date, without their features: a row a segment."""
    rows = lake.read(SEGMENT_PROFILES).where(F.col("run_date") == F.lit(run_date))
    return rows.drop("features").orderBy("algorithm", "segment_id").collect()


def _known(row: Row) -> KnownSegment:
    centroid = {name: (axis.value, axis.scale) for name, axis in row.centroid.items()}
    return KnownSegment(row.segment_id, centroid)
