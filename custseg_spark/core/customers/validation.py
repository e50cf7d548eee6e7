"""Turn records into customer attributes, or refuse them with reasons."""

from dataclasses import dataclass

import polars as pl

from custseg_spark.core.events.id_texts import lost_digits_columns
from custseg_spark.core.events.parsing import amount_columns, canonical_texts
from custseg_spark.core.events.records import Flags, Records
from custseg_spark.core.events.rejecting import Origin, rejected_records
from custseg_spark.core.events.rules import OLDEST, customer_rules, passes
from custseg_spark.core.events.schema import CUSTOMERS
from custseg_spark.core.mappings.mapping import CUSTOMER_COLUMNS, SourceMapping

_AGE = r"^\+?[0-9]{1,3}\z"


@dataclass(frozen=True)
class ValidatedCustomers:
    """The result for a stretch of records.

    `customers` are rows of the table `customers` in row order; a customer may still have several.
    `rounded` marks rows whose amount lost digits. `rejected` are rows of the table
    `rejected_events` without the date of the ingest.
    """

    customers: pl.DataFrame
    rejected: pl.DataFrame
    rounded: Flags


def validate_customers(
    records: Records, mapping: SourceMapping, *, source_file: str, file_id: str
) -> ValidatedCustomers:
    """Turn one file's records into customer attributes, or refuse each with all its reasons."""
    origin = Origin(mapping.name, source_file, file_id)
    typed = typed_customers(records.values, mapping)
    rules = customer_rules(mapping, lost_digits_columns(typed))
    is_valid = typed.select(passes(rules)).to_series()
    rejected = rejected_records(records, typed, is_valid, rules, origin)
    rows = pl.Series(records.rows, dtype=pl.Int64).filter(is_valid)
    typed = typed.filter(is_valid).with_columns(*origin.columns, source_row=rows)
    rounded = typed["income_is_rounded"].to_numpy()
    return ValidatedCustomers(typed.select(CUSTOMERS.names()).cast(CUSTOMERS), rejected, rounded)


def typed_customers(values: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """Return one row per record with its values by canonical name, null where unreadable."""
    texts = canonical_texts(values, mapping, CUSTOMER_COLUMNS)
    texts = texts.rename({"age": "age_text", "income": "income_text"})
    return texts.with_columns(*amount_columns(texts, ("income",), mapping), age=_age())


def _age() -> pl.Expr:
    text = pl.col("age_text")
    years = pl.when(text.str.contains(_AGE)).then(text.cast(pl.Int32, strict=False))
    return pl.when(years <= OLDEST).then(years)
