"""Refusals: each names row, field, value and what was expected."""

from collections.abc import Sequence
from typing import Any

from custseg_spark.interfaces.service.schemas import Flaw

# The most characters of a value in a message, and the most flaws in an answer.
_LONGEST, _MOST = 100, 100


class RefusedError(Exception):
    """A request that can't be answered, with its HTTP status."""

    def __init__(self, flaws: Sequence[Flaw], status: int = 422):
        super().__init__(flaws)
        self.flaws, self.status = list(flaws[:_MOST]), status


def flaw(field: str, value: object, expected: str, row: int | None = None) -> Flaw:
    """Return a flaw with the value as text."""
    return Flaw(row=row, field=field, value=shown(value), expected=expected)


def shown(value: object) -> str | None:
    """Return a value as a message repeats it."""
    if value is None:
        return None
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def of_validation(errors: Sequence[Any]) -> list[Flaw]:
    """Convert pydantic's errors of a request to flaws."""
    return [_of_error(error) for error in errors[:_MOST]]


def _of_error(error: Any) -> Flaw:
    """`loc` is like ("body", "events", 3, "unit_price"): rows count from 1."""
    kind = error["type"]
    if kind == "json_invalid":
        expected = f"JSON: {error['ctx']['error']} at character {error['loc'][-1]}"
        return flaw("body", None, expected)
    where = [part for part in error["loc"] if part not in ("body", "query", "path")]
    rows = [part for part in where if isinstance(part, int)]
    names = [str(part) for part in where if not isinstance(part, int)]
    names = [name for name in names[:-1] if name not in _CONTAINERS] + names[-1:]
    return Flaw(
        row=rows[0] + 1 if rows else None,
        field=names[0] if names else "body",
        # For a missing field, pydantic repeats all other fields.
        value=None if kind == "missing" else shown(error.get("input")),
        expected=_expected(error),
    )


def _expected(error: Any) -> str:
    """Say what was expected, in plain words where pydantic's are about its internals."""
    kind, ctx = error["type"], error.get("ctx", {})
    if kind in ("too_short", "string_too_short"):
        return f"at least {ctx['min_length']} {'item' if kind == 'too_short' else 'character'}"
    for words, phrase in _WORDS.items():
        if kind.startswith(words):
            return phrase
    return str(error["msg"]).removeprefix("Input should be ")


_CONTAINERS = ("customers", "events", "features")
# By the beginnings of pydantic's error types.
_WORDS = {
    "missing": "a value: the field is required",
    "extra_forbidden": "no field of this name",
    "model_attributes_type": "a JSON object, with Content-Type: application/json",
    "datetime": "a time, such as 2024-05-31T12:00:00Z",
    "date": "a date, such as 2024-05-31",
}
