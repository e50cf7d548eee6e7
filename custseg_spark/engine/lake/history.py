"""Read a table's changes between two versions from its log's JSON."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from custseg_spark.engine.lake.handles import LOG

_MAINTENANCE = ("OPTIMIZE", "VACUUM START", "VACUUM END")
_ROWS = ("add", "remove")
_WHOLE_TABLE = ("metaData", "protocol", "cdc", "domainMetadata")


@dataclass(frozen=True)
class Commit:
    """A version of a table: its operation, its writer's note, and its effect.

    `dates` are the partitions whose files it added or removed, None if it may have touched any.
    """

    version: int
    operation: str
    note: str | None
    changes_rows: bool
    dates: frozenset[date] | None

    @property
    def is_maintenance(self) -> bool:
        """Whether all rows stay the same, though possibly in other files."""
        return self.operation in _MAINTENANCE and not self.changes_rows

    def touches(self, dates: Iterable[date]) -> bool:
        """Whether rows of these dates may have changed."""
        return not self.is_maintenance and (self.dates is None or not self.dates.isdisjoint(dates))


def commits_between(
    folder: Path, after: int, until: int, date_column: str | None
) -> list[Commit] | None:
    """Return the commits after a version; None if the log doesn't go back that far."""
    files = [folder / LOG / f"{version:020d}.json" for version in range(after + 1, until + 1)]
    try:
        return [_commit(file, date_column) for file in files]
    except FileNotFoundError:
        return None


def _commit(file: Path, date_column: str | None) -> Commit:
    actions = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    info: Mapping[str, Any] = next((a["commitInfo"] for a in actions if "commitInfo" in a), {})
    touched = [a[kind] for a in actions for kind in _ROWS if kind in a]
    is_wide = any(kind in a for a in actions for kind in _WHOLE_TABLE)
    return Commit(
        version=int(file.stem),
        operation=info.get("operation", ""),
        note=info.get("userMetadata"),
        changes_rows=is_wide or any(t.get("dataChange", True) for t in touched),
        dates=None if is_wide else _dates(touched, date_column),
    )


def _dates(touched: Iterable[Mapping[str, Any]], column: str | None) -> frozenset[date] | None:
    values = [(t.get("partitionValues") or {}).get(column) for t in touched]
    days = [date.fromisoformat(value) for value in values if value is not None]
    return frozenset(days) if len(days) == len(values) else None
