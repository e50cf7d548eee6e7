"""The building blocks of table declarations: named types, and the declaration itself.

Money is decimal(18,4) a value and wider for sums, so that no sum depends on the order of adding.
Ids are strings whatever the source had. Times are microseconds in UTC. Every column may be null.
"""

from dataclasses import dataclass

import pyarrow as pa

MONEY = pa.decimal128(18, 4)
MONEY_SUM = pa.decimal128(28, 4)
MONEY_SQUARES = pa.decimal128(38, 8)
REVENUE = pa.decimal128(38, 4)
# Logarithms of prices: rounded, so that they can be added in any order.
LOG_PRICE_SUM = pa.decimal128(28, 12)

TIME, DAY = pa.timestamp("us", tz="UTC"), pa.date32()
TEXT, YES_NO = pa.string(), pa.bool_()
LONG, INT, BYTE, DOUBLE = pa.int64(), pa.int32(), pa.int8(), pa.float64()

REASON = pa.struct([(name, TEXT) for name in ("code", "field", "value", "expected")])
ITEM = pa.struct(
    [
        ("product_key", LONG),
        ("category_key", LONG),
        ("brand_key", LONG),
        ("hour", BYTE),
        ("order_key", LONG),
    ]
)
# A session part's contribution to an order: quantities and amounts of its purchases.
ORDER_LINES = pa.struct(
    [("order_key", LONG), ("quantity", pa.decimal128(28, 0)), ("amount", MONEY_SUM)]
)
# The column with the id of a row's run.
RUN_ID = "run_id"
# A feature's histogram of two runs.
BIN = pa.struct([(name, DOUBLE) for name in ("upper", "previous_share", "share")])
CALIBRATION = pa.struct(
    [("purchases", INT), ("customers", LONG), ("actual", DOUBLE), ("expected", DOUBLE)]
)
DECILE = pa.struct(
    [("decile", INT), ("customers", LONG), ("revenue_share", DOUBLE), ("clv_share", DOUBLE)]
)
# A product that customers own together with another one.
PARTNER = pa.struct(
    [
        ("product_id", TEXT),
        ("customers", LONG),
        *((name, DOUBLE) for name in ("support", "lift", "lift_low", "lift_high")),
    ]
)


@dataclass(frozen=True)
class Table:
    """A Delta table: its columns and how it is partitioned, by a date first.

    `statistics` are the columns whose smallest and largest values each file's entry in the log
    holds, for readers to skip files by; empty: none by our own writer, the first 32 by Delta's.
    `hardly_repeating` are columns, by their path in a Parquet file, that a dictionary only makes
    slower to write. `later` are columns that tables of an older version lack: they are null to
    readers; such a table isn't written.
    """

    name: str
    schema: pa.Schema
    partitioned_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    hardly_repeating: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    @property
    def date_column(self) -> str | None:
        """The column of the partition's date; None in a table without partitions."""
        return self.partitioned_by[0] if self.partitioned_by else None

    @property
    def is_by_run(self) -> bool:
        """Whether each row is of one run: then a partition is a run, which `runs` publishes."""
        return RUN_ID in self.partitioned_by

    @property
    def file_schema(self) -> pa.Schema:
        """The columns of a data file: all but the partition's, which its folders' names hold."""
        return pa.schema([f for f in self.schema if f.name not in self.partitioned_by])


def table(
    name: str,
    columns: dict[str, pa.DataType],
    *partitioned_by: str,
    statistics: tuple[str, ...] = (),
    hardly_repeating: tuple[str, ...] = (),
    later: tuple[str, ...] = (),
) -> Table:
    """Return the declaration of a table with these columns."""
    schema = pa.schema(list(columns.items()))
    return Table(name, schema, partitioned_by, statistics, hardly_repeating, later)


def by_run(name: str, columns: dict[str, pa.DataType], **options: tuple[str, ...]) -> Table:
    """A table whose partition is a run: `runs` says which one of a date is the published one."""
    columns_of_run = {"run_date": DAY, RUN_ID: TEXT, **columns}
    return table(name, columns_of_run, "run_date", RUN_ID, **options)


def each(type_: pa.DataType, names: str) -> dict[str, pa.DataType]:
    """Return columns of one type, their names parted by spaces."""
    return dict.fromkeys(names.split(), type_)
