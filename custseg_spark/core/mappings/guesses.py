"""The guess of a mapping: its lines, each with confidence and reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from custseg_spark.core.mappings.shapes import Shape

# Sure and likely lines are active; others are commented out.
SURE, LIKELY, NOT_SURE = "sure", "likely", "not sure"


@dataclass(frozen=True)
class Line:
    """A canonical column's source column, with confidence and reason."""

    canonical: str
    shape: Shape
    confidence: str
    reason: str

    @property
    def is_active(self) -> bool:
        """Whether the mapping uses it as it stands."""
        return self.confidence != NOT_SURE


@dataclass(frozen=True)
class Key:
    """A key of a mapping beside its columns; `comment` says why."""

    name: str
    value: str | bool | float | int | tuple[str, ...]
    comment: str = ""
    confidence: str = LIKELY


@dataclass(frozen=True)
class EventTypes:
    """Meanings of the values of the type column: canonical, ignored and unknown ones.

    `unknown` has a hint by value, empty where there is none.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Guess:
    """A whole guess. A person should answer `questions` and read `notes` before using it."""

    lines: Mapping[str, Line]
    event_types: EventTypes = EventTypes()
    keys: tuple[Key, ...] = ()
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """The source column of each canonical column, from the active lines."""
        return {c: line.shape.name for c, line in self.lines.items() if line.is_active}

    @property
    def active(self) -> dict[str, Shape]:
        """The shape of each active line's column."""
        return {c: line.shape for c, line in self.lines.items() if line.is_active}
