"""The raw contract between readers and `quality`: text, with where it stands.

A raw frame has `file_id`, `source_file`, `source_row` (from 1, the header included),
`raw_record`, `defect` (null, or what is wrong with the record as a whole), `text_<column>` for
each canonical column (null where the source has none) and `extras`, `name=value` of the columns
that the mapping doesn't map, in the order of their names, null where there is no value.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import InputError, nearest

NOT_ITS_COLUMNS = "its first line has none of the mapping's columns"


@dataclass(frozen=True)
class RawSource:
    """Raw records that share a header, and how many fields a record of them has."""

    records: DataFrame
    width: int


def text_column(canonical: str) -> str:
    """The raw frame's name for the text of a canonical column."""
    return f"text_{canonical}"


def text(canonical: str) -> Column:
    """The text of a canonical column."""
    return F.col(text_column(canonical))


def extra_field(name: str, value: Column) -> Column:
    """`name=value` of a column beyond the mapping's; a blank value is null, as everywhere."""
    return F.when(F.trim(value) != "", F.concat(F.lit(f"{name}="), F.trim(value)))


def check_columns(found: Collection[str], mapping: MappingFile, where: str) -> None:
    """Raises InputError for a column of the mapping that isn't among those found."""
    for column in mapping.required_source_columns:
        if column not in found:
            raise InputError(f"{where} has no column '{column}'{nearest(column, found)}")


def of_table(
    table: DataFrame,
    texts: Mapping[str, Column],
    defect: Column,
    file: SourceFile,
    file_id: str,
    mapping: MappingFile,
) -> RawSource:
    """Raw records of a file that has columns of its own, as `of_tables` makes them."""
    from_file = {"file_id": F.lit(file_id), "source_file": F.lit(file.name)}
    return of_tables(table.withColumns(from_file), texts, defect, mapping)


def of_tables(
    table: DataFrame, texts: Mapping[str, Column], defect: Column, mapping: MappingFile
) -> RawSource:
    """Raw records of files that have columns of their own: a record is a JSON object.

    `table` has `file_id`, `source_file` and `source_row`; `texts` are the columns by the source's
    names.
    """
    absent = F.lit(None).cast("string")
    extras = sorted(set(texts) - set(mapping.columns.values()))
    records = table.select(
        "file_id",
        "source_file",
        "source_row",
        F.to_json(F.struct(*[text.alias(name) for name, text in texts.items()])).alias(
            "raw_record"
        ),
        defect.alias("defect"),
        *[
            texts.get(mapping.columns.get(c, ""), absent).alias(text_column(c))
            for c in mapping.canonical
        ],
        F.array(*[extra_field(e, texts[e]) for e in extras]).cast("array<string>").alias("extras"),
    )
    return RawSource(records, len(texts))
