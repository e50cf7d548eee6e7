"""Customer mappings: raw text in, typed mappings or reasons out; the latest of each customer."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.raw import text, text_column
from custseg_spark.quality import money, reasons, trimmed, was_rounded
from custseg_spark.rules import OLDEST, customer_rules

_TEXTS = ("name", "gender", "education", "occupation", "zip_code")
_AGE = r"^\+?\d{1,3}\z"


def judge(raw: DataFrame, mapping: MappingFile, *, width: int) -> DataFrame:
    """One row a raw record: the mapping's typed columns, and `reasons` where it is refused.

    `reasons` and `was_rounded` as in `quality.judge`. An empty value is null.
    """
    typed = raw.select(
        "file_id",
        "source_file",
        "source_row",
        "raw_record",
        "defect",
        *[trimmed(c, mapping).alias(text_column(c)) for c in mapping.canonical],
    ).withColumns({"age": _age(), "income": money("income")})
    return typed.select(
        text("customer_id").alias("customer_id"),
        "age",
        "income",
        *[text(c).alias(c) for c in _TEXTS],
        F.lit(mapping.name).alias("source"),
        "source_file",
        "source_row",
        "file_id",
        "raw_record",
        reasons(customer_rules(mapping), width).alias("reasons"),
        was_rounded("income").alias("was_rounded"),
    )


def latest(valid: DataFrame) -> DataFrame:
    """One row a customer: of the last file by name the last row."""
    others = [c for c in valid.columns if c != "customer_id"]
    place = F.struct("source_file", "source_row", "source")
    last = valid.groupBy("customer_id").agg(F.max_by(F.struct(*others), place).alias("last"))
    return last.select("customer_id", "last.*")


def _age() -> Column:
    years = F.when(text("age").rlike(_AGE), text("age").try_cast("int"))
    return F.when(years <= OLDEST, years)
