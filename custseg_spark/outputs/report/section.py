"""Parts of a report's section, whatever the format."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture by its file's name without `.png`, and an alternative text."""

    name: str
    alt: str

    @property
    def file(self) -> str:
        return f"{self.name}.png"


@dataclass(frozen=True)
class Grid:
    """A table of formatted cells.

    The first column names the row, with a dot of its colour if there are `colours`. The columns in
    `prose` are words, all others are numbers.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    colours: Sequence[str] = ()
    prose: frozenset[int] = frozenset()

    @property
    def wide(self) -> bool:
        """Whether the table needs more than half of a page."""
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
