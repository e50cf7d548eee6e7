"""The results that tasks of a native ingest send to the driver: counts, files, refusals."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from custseg_spark.engine.lake.files import DataFile
from custseg_spark.pipeline.ingest.ledger import Counts


@dataclass
class Tally:
    """The numbers of one file's records: by the result of validation, and repeated ones."""

    valid: int = 0
    rejected: int = 0
    rounded: int = 0
    copies: int = 0
    ignored: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally of the same file."""
        self.valid += other.valid
        self.rejected += other.rejected
        self.rounded += other.rounded
        self.copies += other.copies
        self.ignored += other.ignored

    @property
    def counts(self) -> Counts:
        """Return the counts for the ledger."""
        return Counts(self.valid, self.rejected, self.rounded, self.ignored)


@dataclass(frozen=True)
class Example:
    """The first record that was refused for a reason."""

    source_file: str
    source_row: int
    field: str
    value: str | None
    expected: str | None


@dataclass(frozen=True)
class Refusal:
    """A reason's code with the number of a source's records that have it, and the first of them."""

    source: str
    code: str
    records: int
    example: Example


@dataclass(frozen=True)
class EventFile:
    """A file of events by a task; `is_kept`: its equal records are separate events."""

    file: DataFile
    is_kept: bool


@dataclass
class Written:
    """The results of one task."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    events: list[EventFile] = field(default_factory=list)
    rejected: list[DataFile] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def tally(self, file_id: str) -> Tally:
        """Return the tally of a file."""
        return self.tallies.setdefault(file_id, Tally())


def refusals_of(rejected: pl.DataFrame) -> list[Refusal]:
    """Return the reasons of refused records, by source and code."""
    reasons = rejected.select("source", "source_file", "source_row", "reasons").explode("reasons")
    flat = reasons.unnest("reasons").sort("source_file", "source_row", maintain_order=True)
    rows = flat.group_by("source", "code", maintain_order=True).agg(
        pl.len().alias("records"),
        pl.first("source_file", "source_row", "field", "value", "expected"),
    )
    return [
        Refusal(source, code, records, Example(*example))
        for source, code, records, *example in rows.iter_rows()
    ]


def merged_refusals(parts: Iterable[Refusal]) -> list[Refusal]:
    """Merge the refusals of all tasks by source and code, the most frequent first."""
    merged: dict[tuple[str, str], Refusal] = {}
    for part in parts:
        before = merged.get((part.source, part.code))
        if before is not None:
            first = min((before.example, part.example), key=_place)
            part = Refusal(part.source, part.code, before.records + part.records, first)
        merged[part.source, part.code] = part
    return sorted(merged.values(), key=lambda r: (-r.records, r.code))


def _place(example: Example) -> tuple[str, int]:
    return example.source_file, example.source_row


def merged_tallies(parts: Iterable[Written]) -> dict[str, Tally]:
    """Merge the tallies of all tasks by file."""
    merged: dict[str, Tally] = {}
    for part in parts:
        for file_id, tally in part.tallies.items():
            merged.setdefault(file_id, Tally()).add(tally)
    return merged
