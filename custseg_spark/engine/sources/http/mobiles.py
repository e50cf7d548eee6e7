"""The customers to ask for: their mobile numbers. No Spark in this module."""

import csv
import gzip
import lzma
import re
from collections.abc import Iterator, Mapping
from typing import Any

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import InputError

_OPENERS: Mapping[str, Any] = {"text": open, "gzip": gzip.open, "xz": lzma.open}
_MOBILE = re.compile(r"(\+?\d+)(?:\.0+)?")
_DAMAGES = (EOFError, gzip.BadGzipFile, lzma.LZMAError, UnicodeDecodeError, csv.Error)


def mobiles(file: SourceFile, mapping: MappingFile) -> Iterator[str]:
    """Return the mobile numbers of a customers file, in its order, without values that are no
    number.

    Raises InputError for a file that isn't CSV, or lacks the column.
    """
    if file.kind not in _OPENERS:
        raise InputError(f"{file.path}: expected customer attributes as CSV, got {file.kind}")
    try:
        with _OPENERS[file.kind](file.path, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=mapping.delimiter)
            header = [name.strip() for name in next(rows, [])]
            check_columns(header, mapping, f"{file.path}: the header")
            column = header.index(mapping.columns["customer_id"])
            for row in rows:
                if column < len(row) and (found := _MOBILE.fullmatch(row[column].strip())):
                    yield found[1]
    except _DAMAGES as error:
        raise InputError(f"{file.path}: can't be read: {error}") from error
