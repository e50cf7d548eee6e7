"""Compare tables; a failure shows the cells that differ."""

import polars as pl
import pyarrow as pa
from chispa import assert_df_equality
from polars.testing import assert_frame_equal
from pyspark.sql import DataFrame


def assert_same_table(found: pa.Table, expected: pa.Table) -> None:
    """Compare Arrow tables bit for bit: schema, values and the order of rows."""
    assert found.schema == expected.schema
    assert_frame_equal(_frame(found), _frame(expected), check_exact=True)


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def assert_same_rows(found: DataFrame, expected: DataFrame) -> None:
    """Compare Spark DataFrames as bags of rows; a table's rows have no order."""
    assert_df_equality(
        found, expected, ignore_row_order=True, ignore_nullable=True, allow_nan_equality=True
    )
