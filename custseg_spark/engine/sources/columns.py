"""Whether a file's columns are those of a mapping."""

from collections.abc import Collection

from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.errors import InputError, nearest

NOT_ITS_COLUMNS = "its first line has none of the mapping's columns"


def check_columns(
    columns: Collection[str], mapping: SourceMapping, where: str, hint: str = ""
) -> None:
    """Raise InputError for a column of the mapping that isn't among the file's; `hint` says where
    it may be."""
    for column in mapping.required_source_columns:
        if column not in columns:
            advice = hint or nearest(column, columns)
            raise InputError(f"{where} has no column '{column}'{advice}")
