"""The columns that a header names, and why it can't be used."""

import csv
from collections import Counter
from collections.abc import Sequence

from custseg_spark.core.events.odd_lines import split
from custseg_spark.core.events.spaced_text import SEPARATOR, Layout, apart

_UTF8_BOM = b"\xef\xbb\xbf"
# Beyond any header: a file of one endless line is something else, and must not fill the memory.
LONGEST_HEADER = 1 << 20
ONLY_RETURNS = "lines end in carriage returns only; convert them to line feeds"


def named_columns(line: bytes, layout: Layout) -> tuple[tuple[str, ...], str | None]:
    """Return the columns that the header names, and why it can't be used, if so.

    Named as far as they can be read even then: it takes the names to tell a log with a broken
    header from a file that is something else.
    """
    if len(line) > LONGEST_HEADER:
        return (), f"the header can't be read: it is longer than {LONGEST_HEADER:,} bytes"
    text = line.removeprefix(_UTF8_BOM).decode("utf-8", errors="replace")
    try:
        names = tuple(name.strip() for name in _values(text, layout))
    except csv.Error as error:
        return (), f"the header can't be read: {error}"
    is_quoted = '"' in text and not layout.is_spaced
    if is_quoted and split(text.rstrip("\r"), layout.delimiter) == "text_after_quote":
        return names, "in the header text follows a closing quote"
    if b"\r" in line.rstrip(b"\r"):
        return names, ONLY_RETURNS
    if "\ufffd" in text:
        return names, "the header is not UTF-8"
    return names, unusable(names)


def _values(line: str, layout: Layout) -> list[str]:
    first = line.replace("\r", "\n").split("\n")
    if layout.is_spaced:
        return apart(first[0].encode(), layout.widths).decode().split(SEPARATOR)
    return next(csv.reader(first, delimiter=layout.delimiter), [])


def unusable(names: Sequence[str]) -> str | None:
    """Why a header with these names can't be used, if one is there twice or several lack one."""
    nameless = [str(place) for place, name in enumerate(names, 1) if not name]
    if len(nameless) > 1:
        return (
            f"the header has no name for columns {', '.join(nameless)}; name them, or say"
            " header_row = n in the mapping where the header is another row"
        )
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    return f"the header names column '{twice[0]}' twice" if twice else None
