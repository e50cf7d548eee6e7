"""The raw contract between readers and `quality`: text, with where it stands.

A raw frame has `file_id`, `source_file`, `source_row` (from 1, the header included),
`raw_record`, `defect` (null, or what is wrong with the record as a whole), `text_<column>` for
each canonical column (null where the source has none) and `extras`, the values of the columns
that the profile doesn't map, by column name.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame


@dataclass(frozen=True)
class RawSource:
    """Raw records that share a header, and how many fields a record of them has."""

    records: DataFrame
    width: int


def text_column(canonical: str) -> str:
    """The raw frame's name for the text of a canonical column."""
    return f"text_{canonical}"
