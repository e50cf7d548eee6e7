"""Kernels of ingest for Spark's own writer: validated records as rows of a frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import pyarrow as pa

from custseg_spark.core.customers.validation import validate_customers
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.lake.schemas import CUSTOMERS, EVENTS, REJECTED_EVENTS
from custseg_spark.engine.sources.pieces import Located

_REFUSED = pa.schema(
    [
        ("raw_record", pa.string()),
        ("reasons", REJECTED_EVENTS.schema.field("reasons").type),
        ("was_rounded", pa.bool_()),
    ]
)
# A row with a count in `ignored` is no record: it stands for so many ignored ones of the file.
VALIDATED_EVENTS = pa.schema(
    [
        *EVENTS.schema,
        ("id_high", pa.int64()),
        ("id_low", pa.int64()),
        *_REFUSED,
        ("ignored", pa.int64()),
    ]
)
VALIDATED_CUSTOMERS = pa.schema([*CUSTOMERS.schema, *_REFUSED])


def ddl(schema: pa.Schema) -> str:
    """Return the columns of a schema in Spark's DDL."""
    return ", ".join(f"{field.name} {ddl_type(field.type)}" for field in schema)


@dataclass(frozen=True)
class ValidatedEvents:
    """Events and refused records as rows of VALIDATED_EVENTS; `reasons` is null for an event.

    If records are ignored, one more row has their number.
    """

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
            if valid.ignored:
                count = {"file_id": [part.file_id], "ignored": [valid.ignored]}
                yield _rows(pl.DataFrame(count), valid.rejected.clear(), VALIDATED_EVENTS)


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


def _rows(accepted: pl.DataFrame, rejected: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    both = pl.concat([accepted, rejected], how="diagonal")
    table = both.to_arrow(compat_level=pl.CompatLevel.oldest())
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
