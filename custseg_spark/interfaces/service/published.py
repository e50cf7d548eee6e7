"""The latest run's models, from which the service answers until a newer run is complete."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock

from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.features.learned import Learned
from custseg_spark.engine.lake.reader import LakeReader, algorithms_of
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.errors import CustsegError, InputError, nearest

log = logging.getLogger("custseg")


@dataclass(frozen=True)
class Published:
    """A completely published run: its models by algorithm, the main one first.

    `learned` has the values learned from all customers; None for a run that didn't store them.
    `reader` sees the lake as of the loading of the run.
    """

    run_date: date
    reader: LakeReader
    models: Mapping[str, ScoringModel]
    learned: Learned | None

    def model(self, algorithm: str | None) -> ScoringModel:
        """Return the named algorithm's model, or else the main one.

        Raises InputError for an unknown name.
        """
        name = algorithm or next(iter(self.models))
        if name not in self.models:
            raise InputError(f"there is no model of '{name}'{nearest(name, self.models)}")
        return self.models[name]


class LatestRun:
    """The latest run of a lake; a newer one replaces it once it is read completely.

    A request keeps the run that it began with, so that no answer is lost or mixed.
    """

    def __init__(self, lake: Path):
        self.reader = LakeReader(lake)
        self._published: Published | None = None
        self._lock = Lock()
        self._said = ""
        self.reloads = 0
        self.failures = 0

    @property
    def published(self) -> Published | None:
        """The run that answers requests; None before there is one."""
        return self._published

    def refresh(self) -> bool:
        """Look for a newer run; return whether there was one.

        A run that can't be read completely changes nothing, and is tried again.
        """
        with self._lock:
            try:
                if not self.reader.exists(RUNS) or not self._has_changed():
                    return False
                newest = _latest(self.reader.at_one_moment())
            except (CustsegError, OSError) as error:
                self.failures += 1
                self._warn(f"the latest run can't be loaded: {error}")
                return False
            self._published = newest
            self.reloads += 1
            return newest is not None

    def _warn(self, message: str) -> None:
        """Log a message once, however often it repeats."""
        if message != self._said:
            log.warning(message)
        self._said = message

    def _has_changed(self) -> bool:
        versions = self._published.reader.moment.versions if self._published else {}
        return self.reader.native.version(RUNS) != versions.get(RUNS.name)


def _latest(reader: LakeReader) -> Published | None:
    runs = dicts_of(reader.rows(RUNS, ["run_date", "models", "config"]))
    if not runs:
        return None
    run = max(runs, key=lambda row: row["run_date"])
    day = run["run_date"]
    models = {name: reader.model(day, name) for name in algorithms_of(run)}
    if not models:
        raise InputError(f"the run of {day} published no model")
    try:
        learned = reader.learned(day)
    except InputError as error:
        log.warning("events can't be scored: %s", error)
        learned = None
    return Published(day, reader, models, learned)
