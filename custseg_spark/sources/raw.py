"""The raw contract between readers and `quality`: text, with where it stands.

A raw frame has `file_id`, `source_file`, `source_row` (from 1, the header included),
`raw_record`, `defect` (null, or what is wrong with the record as a whole), `text_<column>` for
each canonical column (null where the source has none) and `extras`, `name=value` of the columns
that the profile doesn't map, in the order of their names, null where there is no value.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class RawSource:
    """Raw records that share a header, and how many fields a record of them has."""

    records: DataFrame
    width: int


def text_column(canonical: str) -> str:
    """The raw frame's name for the text of a canonical column."""
    return f"text_{canonical}"


def extra_field(name: str, value: Column) -> Column:
    """`name=value` of a column beyond the profile's; a blank value is null, as everywhere."""
    return F.when(F.length(F.trim(value)) > 0, F.concat(F.lit(f"{name}="), F.trim(value)))
