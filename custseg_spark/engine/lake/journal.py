"""The journal of a publication: a small file that lists the commits to make, in their order.

The tables of a lake share no transaction. A run therefore writes all its data files, then the
journal, then makes the listed commits. The next run to find a dead run's journal makes the missing
commits, or deletes the journal if none was made.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.commits import Bears, Change
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.schemas import TABLES
from custseg_spark.engine.lake.statistics import of_json, to_json

RUNS_FOLDER: Final = "_runs"
ENDING: Final = ".journal"
# Stands in each journal. A journal of another format is left to the version that wrote it.
_FORMAT = 1
_BY_NAME = {table.name: table for table in TABLES}


@dataclass(frozen=True)
class Step:
    """A commit to make: add files to a table; replace the files of the date `replaces`, if set.

    `read_version` is the version that the run has read; None if no other run writes these rows.
    `alone`: it is a conflict too if another date was written since.
    """

    table: Table
    adds: tuple[DataFile, ...]
    read_version: int | None = None
    replaces: date | None = None
    alone: bool = False

    def change(self, once: str, current_version: int) -> Change:
        """Return the table change; it takes effect once, however often it is applied."""
        version = current_version if self.read_version is None else self.read_version
        if self.read_version is None:
            bears: Bears | None = Bears.ANYTHING
        else:
            bears = Bears.MAINTENANCE if self.alone else None
        dates = None if self.replaces is None else frozenset([self.replaces])
        return Change(self.table, version, self.adds, dates, once=once, bears=bears)


@dataclass(frozen=True)
class Journal:
    """The publication of a run; its last step publishes all of them.

    The rows of the run `superseded` are deleted afterwards. `withdrawn`: the run is not published,
    and the commits made so far are undone.
    """

    run_id: str
    steps: tuple[Step, ...]
    run_date: date | None = None
    superseded: str | None = None
    withdrawn: bool = False

    @property
    def as_withdrawn(self) -> "Journal":
        """Return the journal marked as withdrawn."""
        return replace(self, withdrawn=True)

    def as_json(self) -> str:
        """Return the journal as JSON, which `of_text` reads."""
        return json.dumps(
            {
                "format": _FORMAT,
                "run_id": self.run_id,
                "run_date": _iso(self.run_date),
                "superseded": self.superseded,
                "withdrawn": self.withdrawn,
                "steps": [_step_as_dict(step) for step in self.steps],
            }
        )


@dataclass(frozen=True)
class JournalFile:
    """The file of a run's journal."""

    root: Path
    run_id: str
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        path = self.root / RUNS_FOLDER / f"{self.run_id}{ENDING}"
        object.__setattr__(self, "path", path)

    def write(self, journal: Journal) -> None:
        """Write the journal atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".journal-to-be")
        beside.write_text(journal.as_json(), encoding="utf-8")
        beside.replace(self.path)

    def read(self) -> Journal | None:
        """Return the journal; None if there is none or another version of this program wrote it."""
        try:
            return of_text(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Delete the journal of a finished or withdrawn publication."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".journal-to-be").unlink(missing_ok=True)


def of_text(text: str) -> Journal | None:
    """Parse a journal; None for another version's."""
    content = json.loads(text)
    if content.get("format") != _FORMAT:
        return None
    return Journal(
        run_id=content["run_id"],
        steps=tuple(_step_of_dict(step) for step in content["steps"]),
        run_date=_date(content["run_date"]),
        superseded=content["superseded"],
        withdrawn=content["withdrawn"],
    )


def _step_as_dict(step: Step) -> dict[str, Any]:
    return {
        "table": step.table.name,
        "adds": [_file_as_list(file) for file in step.adds],
        "read_version": step.read_version,
        "replaces": _iso(step.replaces),
        "alone": step.alone,
    }


def _step_of_dict(content: Mapping[str, Any]) -> Step:
    table = _BY_NAME[content["table"]]
    files = tuple(_file_of_list(values, table) for values in content["adds"])
    return Step(table, files, content["read_version"], _date(content["replaces"]), content["alone"])


def _file_as_list(file: DataFile) -> list[Any]:
    statistics = to_json(file.rows, file.columns)
    return [file.path, _iso(file.day), file.rows, file.bytes, statistics, file.run_id]


def _file_of_list(values: Sequence[Any], table: Table) -> DataFile:
    path, day, rows, size, statistics, run_id = values
    return DataFile(path, _date(day), rows, size, of_json(statistics, table.schema), run_id)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
