"""What a section of the report is made of, whatever the format."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture by its file's name without `.png`, and what it shows for who can't see it."""

    name: str
    alt: str

    @property
    def file(self) -> str:
        return f"{self.name}.png"


@dataclass(frozen=True)
class Grid:
    """A table of formatted cells. The first column names the row, with a dot of its colour where
    there are `colours`; the columns in `prose` are words, all others numbers."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    colours: Sequence[str] = ()
    prose: frozenset[int] = frozenset()

    @property
    def wide(self) -> bool:
        """Whether it needs more than half of a page."""
        longest = max((len(cell) for row in self.rows for cell in row[1:]), default=0)
        return len(self.head) > 7 or longest > 24


@dataclass(frozen=True)
class Section:
    """A section: paragraphs, then pictures, a tree, tables."""

    key: str
    title: str
    text: Sequence[str]
    pictures: Sequence[Picture] = ()
    grids: Sequence[Grid] = ()
    tree: str | None = None
