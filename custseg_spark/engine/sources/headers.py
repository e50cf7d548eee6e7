"""Headers: whether a first row is one, and which row has a mapping's columns."""

import re
from collections.abc import Iterable, Sequence

from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources.columns import NOT_ITS_COLUMNS

# What no column is called: a date or a time, a fraction, a count or an id, an address, a UUID.
# Years and numbers of a few digits are names of columns.
_VALUE = re.compile(
    r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}\b.*|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}\b.*"
    r"|[+-]?[0-9]+[.,][0-9]+|[0-9]{5,}|[^@\s]+@[^@\s]+\.[a-z]+"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)
_LONGEST_SHOWN = 60


def is_record(names: Sequence[str], mapping: SourceMapping) -> str | None:
    """Why a header looks like a record: one of its names is a value, and it lacks a column of the
    mapping or the mapping has taken the value for a column."""
    values = [name for name in names if _VALUE.fullmatch(name)]
    mapped = set(mapping.columns.values())
    is_whole = set(mapping.required_source_columns) <= set(names)
    mapped_values = [value for value in values if value in mapped]
    return (
        _plain((mapped_values or values)[0]) if mapped_values or (values and not is_whole) else None
    )


def not_its_columns(names: Sequence[str]) -> str:
    """Why a file that has none of a mapping's columns is passed over."""
    value = next((name for name in names if _VALUE.fullmatch(name)), None)
    return _plain(value) if value else NOT_ITS_COLUMNS


def row_with_columns(rows: Iterable[Sequence[str]], mapping: SourceMapping) -> int | None:
    """Return the number of the first row, from 1, that has all columns that the mapping needs."""
    needed = set(mapping.required_source_columns)
    return next((number for number, row in enumerate(rows, 1) if needed <= set(row)), None)


def likeliest_row(rows: Sequence[Sequence[str]], mapping: SourceMapping) -> int:
    """Return the number of the first row with the most of the columns that the mapping needs."""
    needed = set(mapping.required_source_columns)
    counts = [len(needed.intersection(row)) for row in rows]
    return counts.index(max(counts)) + 1 if counts else 1


def _plain(value: str) -> str:
    shown = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
    return (
        f"its first line looks like a record, not a header, with '{shown}'; name its columns by"
        " columns_without_header = [...] in the mapping"
    )
