"""Typed columns as the text that a person would type: what the rules of ingest read."""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DoubleType,
    FloatType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

_NESTED = (ArrayType, MapType, StructType)
_TIMES = (TimestampType, TimestampNTZType)
_SECONDS, _MICROSECONDS = "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm:ss.SSSSSS"
# Beyond, a double doesn't hold every integer.
_LARGEST_WHOLE = 1e15


def as_text(field: StructField) -> Column:
    """A column of a table as text; null for null, and for NaN, which writers put for a missing one.

    Whole numbers have no point (17850, though a column with gaps makes it 17850.0), times are
    `yyyy-MM-dd HH:mm:ss` in UTC, with six more digits where there are fractions.
    """
    value = F.col(quoted(field.name))
    if isinstance(field.dataType, FloatType | DoubleType):
        return _number(value)
    if isinstance(field.dataType, _TIMES):
        has_fraction = F.date_format(value, "SSSSSS") != "000000"
        return F.when(has_fraction, F.date_format(value, _MICROSECONDS)).otherwise(
            F.date_format(value, _SECONDS)
        )
    if isinstance(field.dataType, BinaryType):
        # Writers without a type for text leave its bytes.
        return F.when(F.is_valid_utf8(value.cast("string")), value.cast("string")).otherwise(
            F.hex(value)
        )
    return F.to_json(value) if isinstance(field.dataType, _NESTED) else value.cast("string")


def is_text(field: StructField) -> bool:
    """Whether a column's bytes are the source's own, so that they may not be UTF-8."""
    return isinstance(field.dataType, StringType)


def quoted(name: str) -> str:
    """A column's name as Spark takes it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def _number(value: Column) -> Column:
    is_whole = (value % 1 == 0) & (F.abs(value) < _LARGEST_WHOLE)
    plain = F.when(is_whole, value.cast("bigint").cast("string")).otherwise(value.cast("string"))
    return F.when(~F.isnan(value), plain)
