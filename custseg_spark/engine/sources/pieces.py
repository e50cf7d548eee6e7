"""Pieces of sources: the part that one task reads, as records of text.

A piece is small and picklable; its `records` opens the file where the task runs. Memory holds the
records of one chunk at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from custseg_spark.core.events.records import Records
from custseg_spark.core.mappings.mapping import SourceMapping

# With about 64 bytes of text per field, a chunk has some hundred megabytes at most.
ROWS_PER_CHUNK = 250_000


class Piece(Protocol):
    """A stretch of one file's records."""

    @property
    def file_id(self) -> str:
        """The file's id in the ledger."""

    @property
    def source_file(self) -> str:
        """The file's name in the ledger."""

    @property
    def size(self) -> int:
        """About the number of bytes to read."""

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        """Yield the records, one chunk at a time. Raises InputError for unreadable content."""


@dataclass(frozen=True)
class MappedPiece:
    """A piece and the mapping by which its records are read."""

    mapping: SourceMapping
    piece: Piece

    def records(self) -> Iterator["Located"]:
        """Yield the piece's records, with their mapping and file."""
        for records in self.piece.records(self.mapping):
            yield Located(self.mapping, self.piece.file_id, self.piece.source_file, records)


@dataclass(frozen=True)
class Located:
    """Records with their mapping and their file."""

    mapping: SourceMapping
    file_id: str
    source_file: str
    records: Records


def tasks(pieces: Iterable[MappedPiece], task_bytes: int) -> list[Sequence[MappedPiece]]:
    """Group the pieces in their order into tasks; small pieces of a mapping share a task.

    Thousands of small files are few tasks.
    """
    groups: list[list[MappedPiece]] = []
    filled = 0
    for piece in pieces:
        is_of_another = not groups or groups[-1][0].mapping is not piece.mapping
        if is_of_another or filled + piece.piece.size > task_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(piece)
        filled += piece.piece.size
    return list(groups)


def located(task: Sequence[MappedPiece]) -> Iterator[Located]:
    """Yield the records of a task's pieces, one after the other."""
    for piece in task:
        yield from piece.records()


def file_runs(numbers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Return the stretches of rows of one file in a batch: the file's number, begin and end."""
    start = 0
    for number, group in groupby(numbers):
        end = start + sum(1 for _ in group)
        yield number, start, end
        start = end
