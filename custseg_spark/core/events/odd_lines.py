"""Parse single records of delimited text exactly: quotes and defects."""

import csv
import sys
from collections.abc import Sequence

from custseg_spark.core.events.lines import is_utf8

_BYTE_ORDER_MARK = "\ufeff"
# The parser's message for anything but a delimiter behind a closing quote.
_AFTER_QUOTE = "expected after"
# The parser's default limit for a value is 128 KB.
csv.field_size_limit(sys.maxsize)


def fields_or_defect(line: bytes, header: Sequence[str], delimiter: str) -> list[str] | str:
    """Return the values of a record that isn't blank, or the code of its defect."""
    if not is_utf8(line):
        return "invalid_utf8"
    if b"\0" in line:
        return "nul_byte"
    fields = split(line.decode(), delimiter)
    if isinstance(fields, str):
        return fields
    if len(fields) != len(header):
        return "wrong_field_count"
    return "repeated_header" if is_header(fields, header) else fields


def split(text: str, delimiter: str) -> list[str] | str:
    """Return the values of a record, or the code of its defect; none if a quote isn't closed.

    `"a"b` has no clear meaning. A quote inside a value that doesn't begin with one is text:
    12" pipe.
    """
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return "text_after_quote" if _AFTER_QUOTE in str(error) else []


def lines_swallowed(record: bytes, delimiter: str) -> int:
    """Count the records in a malformed one if its line breaks are outside quoted values; else 1.

    Between two stray quotes, as in 5" pipe and 6" pipe, whole lines would be lost.
    """
    if b"\n" not in record:
        return 1
    lines = (f"{line}\n" for line in record.decode(errors="replace").split("\n"))
    return sum(1 for _ in csv.reader(lines, delimiter=delimiter))


def is_header(fields: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a record repeats the header, as in joined files; a byte order mark may precede it."""
    trimmed = [field.strip(" ") for field in fields]
    trimmed[0] = trimmed[0].lstrip(_BYTE_ORDER_MARK)
    return trimmed == list(header)
