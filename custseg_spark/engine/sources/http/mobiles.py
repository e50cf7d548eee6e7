"""The customers to ask for: their mobile numbers. No Spark in this module."""

import csv
import io
import re
from collections.abc import Iterator

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import texts
from custseg_spark.errors import InputError

_KINDS = ("text", "gzip", "xz")
_MOBILE = re.compile(r"(\+?\d+)(?:\.0+)?")
_DAMAGES = (UnicodeDecodeError, csv.Error)


def mobiles(file: SourceFile, mapping: MappingFile) -> Iterator[str]:
    """Return the mobile numbers of a customers file, in its order, without values that are no
    number.

    Raises InputError for a file that isn't CSV, or lacks the column.
    """
    if file.kind not in _KINDS:
        raise InputError(f"{file.path}: expected customer attributes as CSV, got {file.kind}")
    try:
        rows = csv.reader(_lines(file), delimiter=mapping.delimiter)
        header = [name.strip() for name in next(rows, [])]
        check_columns(header, mapping, f"{file.path}: the header")
        column = header.index(mapping.columns["customer_id"])
        for row in rows:
            if column < len(row) and (match := _MOBILE.fullmatch(row[column].strip())):
                yield match[1]
    except _DAMAGES as error:
        raise InputError(f"{file.path}: can't be read: {error}") from error


def _lines(file: SourceFile) -> Iterator[str]:
    """The lines with their ends, as a parser of CSV wants them."""
    for content, first_row in texts.chunks(file, texts.BLOCK_BYTES, multiline=False):
        text = content.decode()
        yield from io.StringIO(text.removeprefix("\ufeff") if first_row == 1 else text, newline="")
