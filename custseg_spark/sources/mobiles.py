"""Whose purchases to ask for: the mobile numbers of customer profiles. No Spark in this module."""

import csv
import gzip
import lzma
import re
from collections.abc import Iterator, Mapping
from typing import Any

from custseg_spark.errors import InputError
from custseg_spark.sources.files import SourceFile
from custseg_spark.sources.profile import Profile
from custseg_spark.sources.raw import check_columns

_OPENERS: Mapping[str, Any] = {"text": open, "gzip": gzip.open, "xz": lzma.open}
_MOBILE = re.compile(r"(\+?\d+)(?:\.0+)?")
_DAMAGES = (EOFError, gzip.BadGzipFile, lzma.LZMAError, UnicodeDecodeError, csv.Error)


def mobiles(file: SourceFile, profile: Profile) -> Iterator[str]:
    """The mobile numbers of a file of profiles, in its order; what is no number is passed over.

    Raises InputError for a file that isn't CSV, or lacks the column.
    """
    if file.kind not in _OPENERS:
        raise InputError(f"{file.path}: expected customer profiles as CSV, got {file.kind}")
    try:
        with _OPENERS[file.kind](file.path, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=profile.delimiter)
            header = [name.strip() for name in next(rows, [])]
            check_columns(header, profile, f"{file.path}: the header")
            column = header.index(profile.columns["customer_id"])
            for row in rows:
                if column < len(row) and (found := _MOBILE.fullmatch(row[column].strip())):
                    yield found[1]
    except _DAMAGES as error:
        raise InputError(f"{file.path}: can't be read: {error}") from error
