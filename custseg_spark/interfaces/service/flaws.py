"""Refusals: each names row, field, value and what was expected."""

from collections.abc import Sequence
from typing import Any

from custseg_spark.interfaces.service.schemas import Flaw

# What a message repeats of a value, and how many flaws an answer lists.
_LONGEST, _MOST = 100, 100


class RefusedError(Exception):
    """A request that can't be answered, with its HTTP status."""

    def __init__(self, flaws: Sequence[Flaw], status: int = 422):
        super().__init__(flaws)
        self.flaws, self.status = list(flaws[:_MOST]), status


def flaw(field: str, value: object, expected: str, row: int | None = None) -> Flaw:
    """A flaw with the value as text."""
    return Flaw(row=row, field=field, value=shown(value), expected=expected)


def shown(value: object) -> str | None:
    """A value as a message repeats it."""
    if value is None:
        return None
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def of_validation(errors: Sequence[Any]) -> list[Flaw]:
    """Flaws of what pydantic says of a request."""
    return [_of_error(error) for error in errors[:_MOST]]


def _of_error(error: Any) -> Flaw:
    """`loc` is like ("body", "events", 3, "unit_price"): rows count from 1."""
    where = [part for part in error["loc"] if part not in ("body", "query", "path")]
    rows = [part for part in where if isinstance(part, int)]
    names = [str(part) for part in where if not isinstance(part, int)]
    names = [name for name in names if name not in ("customers", "events", "features")] or names
    return Flaw(
        row=rows[0] + 1 if rows else None,
        field=names[0] if names else "body",
        value=shown(error.get("input")),
        expected=error["msg"],
    )
