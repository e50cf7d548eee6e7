"""Kernels of ingest for Spark's own writer: validated records as rows of a frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import pyarrow as pa

from custseg_spark.core.customers.validation import validate_customers
from custseg_spark.core.events.schema import CUSTOMERS, EVENTS, REJECTED
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.sources.pieces import Located

_FURTHER: dict[str, pl.DataType] = {
    "id_high": pl.Int64(),
    "id_low": pl.Int64(),
    "raw_record": pl.String(),
    "reasons": REJECTED["reasons"],
    "was_rounded": pl.Boolean(),
}
VALIDATED_EVENTS = pl.Schema({**EVENTS, **_FURTHER})
VALIDATED_CUSTOMERS = pl.Schema(
    {**CUSTOMERS, **{n: t for n, t in _FURTHER.items() if not n.startswith("id_")}}
)


def ddl(schema: pl.Schema) -> str:
    """The columns of a schema in Spark's DDL."""
    arrow = schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return ", ".join(f"{field.name} {ddl_type(field.type)}" for field in arrow)


@dataclass(frozen=True)
class ValidatedEvents:
    """Events and refused records as rows of VALIDATED_EVENTS; `reasons` is null for an event."""

    latest: datetime

    def __call__(self, located: Iterator[Located]) -> Iterator[pa.Table]:
        for part in located:
            valid = validate_events(
                part.records,
                part.mapping,
                source_file=part.source_file,
                file_id=part.file_id,
                latest=self.latest,
            )
            ids = {"id_high": valid.id_high.view("int64"), "id_low": valid.id_low.view("int64")}
            events = valid.events.with_columns(
                **{name: pl.Series(values) for name, values in ids.items()},
                was_rounded=pl.Series(valid.rounded, dtype=pl.Boolean),
            )
            yield _rows(events, valid.rejected, VALIDATED_EVENTS)


@dataclass(frozen=True)
class ValidatedCustomers:
    """Customer attributes and refused records as rows of VALIDATED_CUSTOMERS."""

    def __call__(self, located: Iterator[Located]) -> Iterator[pa.Table]:
        for part in located:
            valid = validate_customers(
                part.records,
                part.mapping,
                source_file=part.source_file,
                file_id=part.file_id,
            )
            rounded = pl.Series(valid.rounded, dtype=pl.Boolean)
            customers = valid.customers.with_columns(was_rounded=rounded)
            yield _rows(customers, valid.rejected, VALIDATED_CUSTOMERS)


def _rows(accepted: pl.DataFrame, rejected: pl.DataFrame, schema: pl.Schema) -> pa.Table:
    both = pl.concat([accepted, rejected], how="diagonal")
    absent = [pl.lit(None, dtype=t).alias(n) for n, t in schema.items() if n not in both.columns]
    table = both.with_columns(absent).select(schema.names()).cast(schema)
    return table.to_arrow(compat_level=pl.CompatLevel.oldest())
