"""The files of a date, among which copies are looked for."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.pipeline.ingest.file_times import EVERY_TIME, Span, meets, shared_times, span
from custseg_spark.pipeline.ingest.written import EventFile

# A date with more files than this is merged, if the files are small.
MOST_FILES = 4
_SMALL_ROWS = 200_000
ROWS_PER_FILE = 2_000_000
# The events that a task compares or merges: a large date has several tasks.
EVENTS_AT_A_TIME = 4_000_000


@dataclass(frozen=True)
class DateOfEvents:
    """A date's files: the files of this run in order, and the files in the table."""

    root: Path
    run_id: str
    day: date
    new: tuple[EventFile, ...]
    held: tuple[DataFile, ...]
    rows_per_file: int = ROWS_PER_FILE
    events_at_a_time: int = EVENTS_AT_A_TIME

    @property
    def rows(self) -> int:
        """The events that this run has written."""
        return sum(one.file.rows for one in self.new)

    @property
    def is_scattered(self) -> bool:
        """Whether the new files are many and small."""
        small = min(_SMALL_ROWS, self.rows_per_file)
        return len(self.new) > MOST_FILES and self.rows < small * len(self.new)

    @property
    def has_kept(self) -> bool:
        """Whether equal records are separate events."""
        return any(one.is_kept for one in self.new)

    @cached_property
    def shared_times(self) -> list[Span]:
        """The times that several files cover: copies can only be there.

        Equal records that count separately may be at any time.
        """
        spans = [span(file) for file in self.files]
        return [EVERY_TIME] if self.has_kept else shared_times(spans)

    @property
    def may_have_copies(self) -> bool:
        """Whether a new file shares a time with another, or equal records are separate events."""
        return any(meets(span(one.file), self.shared_times) for one in self.new)

    @property
    def is_large(self) -> bool:
        """Whether there is more to compare or merge than one task should have."""
        compared = sum(f.rows for f in self.files if meets(span(f), self.shared_times))
        return not self.has_kept and max(self.rows, compared) > self.events_at_a_time

    @property
    def files(self) -> list[DataFile]:
        """All files of the date, the new ones first."""
        return [*(one.file for one in self.new), *self.held]

    @property
    def folder(self) -> Path:
        """The table's folder."""
        return self.root / EVENTS.name
