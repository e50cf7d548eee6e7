"""Earlier runs as a new run sees them: the segments that it continues, and their models."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from custseg_spark.core.clustering.assigners import TOO_LITTLE_KNOWN_ID
from custseg_spark.core.segments.identity import KnownSegment
from custseg_spark.core.segments.statuses import DIED
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import RUNS, SEGMENT_PROFILES
from custseg_spark.errors import InputError

Row = Mapping[str, Any]

# A lake of version 0.1, whose segments may continue in another lake, has no hashes of models.
_COLUMNS = [name for name in RUNS.schema.names if name not in ("model_hashes", "structure_gap")]
# The columns that every version's table has.
_OF_SEGMENTS = (
    "algorithm",
    "segment_id",
    "segment_name",
    "customers",
    "status",
    "born_on",
    "centroid",
)


@dataclass(frozen=True)
class Ancestor:
    """A segment as the previous run knows it: its name and its first run date."""

    name: str
    born_on: date


@dataclass(frozen=True)
class Segment:
    """A living segment of an earlier run."""

    known: KnownSegment
    ancestor: Ancestor
    customers: int


@dataclass(frozen=True)
class PreviousRun:
    """The run whose segments a new one continues: the latest of an earlier run date.

    `made_with` are the settings that its models were fitted with (`settings_of`). `lake` is where
    the run is, if that is another lake than the new run's.
    """

    run_date: date
    models: Mapping[str, str]
    made_with: Mapping[str, Any]
    features: tuple[str, ...]
    fitted_on: date
    segments: Mapping[str, Mapping[int, Segment]]
    lake: Lake | None = None

    def k(self, algorithm: str) -> int | None:
        """Return an algorithm's number of segments; None if the run didn't have it."""
        return len(self.known(algorithm)) or None

    @property
    def customers(self) -> int:
        """The run's number of customers."""
        counts = [
            sum(s.customers for s in of_algorithm.values())
            for of_algorithm in self.segments.values()
        ]
        return max(counts, default=0)

    def known(self, algorithm: str) -> list[KnownSegment]:
        """Return an algorithm's living segments, by id.

        The segment of too little known is left out: no cluster continues it.
        """
        living = self.segments.get(algorithm, {})
        return [segment.known for i, segment in living.items() if i != TOO_LITTLE_KNOWN_ID]

    def ancestors(self, algorithm: str) -> dict[int, Ancestor]:
        """Return the names and first run dates of an algorithm's living segments, by id."""
        return {i: segment.ancestor for i, segment in self.segments.get(algorithm, {}).items()}


@dataclass(frozen=True)
class Past:
    """Other runs: the previous one, the ids in use, the segments of an earlier run of this date.

    A rerun gives the same ids.
    """

    previous: PreviousRun | None
    last_ids: Mapping[str, int]
    reborn: Mapping[str, tuple[KnownSegment, ...]]

    def next_id(self, algorithm: str) -> int:
        """Return the first id that is free in all other run dates."""
        return self.last_ids.get(algorithm, 0) + 1


def past(lake: Lake, run_date: date, continued: Lake | None = None) -> Past:
    """Return the other runs as seen from `run_date`.

    If the lake has no earlier run, the previous one is the latest of the `continued` lake up to
    `run_date`, and none of that lake's ids is given again. Raises InputError if that lake has no
    run.
    """
    last_ids: dict[str, int] = {}
    for algorithm, segment_id in _ids(lake, run_date) + (_ids(continued) if continued else []):
        last_ids[algorithm] = max(last_ids.get(algorithm, 0), segment_id)
    reborn: dict[str, list[KnownSegment]] = {}
    for profile in _profiles(lake, run_date):
        if profile["born_on"] == run_date and profile["status"] != DIED and _is_found(profile):
            reborn.setdefault(profile["algorithm"], []).append(_known(profile))
    return Past(
        previous_run(lake, run_date) or (_elsewhere(continued, run_date) if continued else None),
        last_ids,
        {algorithm: tuple(segments) for algorithm, segments in reborn.items()},
    )


def _ids(lake: Lake, but_of: date | None = None) -> list[tuple[str, int]]:
    """Return each algorithm's segment ids in all run dates but one."""
    rows = lake.rows(SEGMENT_PROFILES, ["run_date", "algorithm", "segment_id"]).to_pylist()
    return [(r["algorithm"], r["segment_id"]) for r in rows if r["run_date"] != but_of]


def _elsewhere(continued: Lake, run_date: date) -> PreviousRun | None:
    # A run of the same run date counts too: a rebuilt lake begins where the old one ends.
    until = [day for day in run_dates(continued) if day <= run_date]
    previous = find(continued, until[-1]) if until else None
    return replace(previous, lake=continued) if previous else None


def previous_run(lake: Lake, run_date: date) -> PreviousRun | None:
    """Return the run of the latest run date before `run_date`, or None."""
    earlier = [day for day in run_dates(lake) if day < run_date]
    return find(lake, earlier[-1]) if earlier else None


def run_dates(lake: Lake) -> list[date]:
    """Return the dates of all runs, ascending."""
    return sorted(set(lake.rows(RUNS, ["run_date"])["run_date"].to_pylist()))


def find(lake: Lake, run_date: date) -> PreviousRun | None:
    """Return the run of exactly this run date, or None."""
    rows = lake.rows(RUNS, _COLUMNS, [run_date]).to_pylist()
    return _previous(lake, rows[0]) if rows else None


def model_hashes(lake: Lake, run_date: date) -> Mapping[str, str]:
    """Return the hash of all files of each model of a run, by algorithm."""
    rows = lake.rows(RUNS, ["model_hashes"], [run_date])["model_hashes"].to_pylist()
    return dict(rows[0] or ()) if rows else {}


def run_of(lake: Lake, run_date: date) -> PreviousRun:
    """Return the run of exactly this run date. Raises InputError if there is none."""
    run = find(lake, run_date)
    if run is None:
        dates = [str(day) for day in run_dates(lake)]
        there_are = f"there are {', '.join(dates)}" if dates else "there is none at all"
        raise InputError(f"no run of {run_date} in {lake.name(RUNS)}; {there_are}")
    return run


def _previous(lake: Lake, row: Row) -> PreviousRun:
    segments: dict[str, dict[int, Segment]] = {}
    for profile in _profiles(lake, row["run_date"]):
        if profile["status"] != DIED:
            ancestor = Ancestor(profile["segment_name"], profile["born_on"])
            segment = Segment(_known(profile), ancestor, profile["customers"])
            segments.setdefault(profile["algorithm"], {})[profile["segment_id"]] = segment
    return PreviousRun(
        row["run_date"],
        dict(row["models"]),
        _made_with(lake, row),
        tuple(row["features"]),
        row["fitted_on"],
        segments,
    )


def _made_with(lake: Lake, row: Row) -> Mapping[str, Any]:
    """Return the settings of a run's models; empty if the run that fitted them is gone."""
    if row["fitted_on"] != row["run_date"]:
        fitted = lake.rows(RUNS, _COLUMNS, [row["fitted_on"]]).to_pylist()
        if not fitted:
            return {}
        [row] = fitted
    return settings_of(json.loads(row["config"]))


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a model depends on, by dotted key: its section, a trial's limits."""
    limits = {f"run.{key}": config["run"][key] for key in ("sample_fraction", "max_rows")}
    return {**_dotted(config["model"], "model"), **limits}


def _dotted(section: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the values of a section and its groups by `name.key` and `name.group.key`."""
    values: dict[str, Any] = {}
    for key, value in section.items():
        path = f"{name}.{key}"
        values |= _dotted(value, path) if isinstance(value, Mapping) else {path: value}
    return values


def _profiles(lake: Lake, run_date: date) -> list[Row]:
    """Return a run date's segments, a row each."""
    rows = lake.rows(SEGMENT_PROFILES, _OF_SEGMENTS, [run_date]).to_pylist()
    return sorted(rows, key=lambda row: (row["algorithm"], row["segment_id"]))


def _is_found(profile: Row) -> bool:
    return bool(profile["segment_id"] != TOO_LITTLE_KNOWN_ID)


def _known(row: Row) -> KnownSegment:
    centroid = {name: (axis["value"], axis["scale"]) for name, axis in row["centroid"]}
    return KnownSegment(row["segment_id"], centroid)
