"""Compute the features of a bucket of customers from their session parts, one row per customer."""

from collections.abc import Sequence
from datetime import date

import polars as pl
import pyarrow as pa

from custseg_spark.core.features.demographics import DEMOGRAPHICS
from custseg_spark.core.features.exact import MISSING, Whole, unit_decimals, whole_numbers
from custseg_spark.core.features.levels import NO_LEVELS, Levels
from custseg_spark.core.features.price_relative import PRICE_RELATIVE
from custseg_spark.core.features.registry import all_features, arrow_schema
from custseg_spark.core.features.rfm_groups import RfmGroups
from custseg_spark.core.features.scores import Cutoffs, scored
from custseg_spark.core.features.totals import Totals, before
from custseg_spark.core.holidays import NO_HOLIDAYS, Calendar


def customer_features(
    parts: pa.Table,
    *,
    as_of: date,
    levels: Levels = NO_LEVELS,
    optional: Sequence[str] = (),
    attributes: pl.DataFrame | None = None,
    relative: pl.DataFrame | None = None,
    cutoffs: Cutoffs | None = None,
    calendar: Calendar = NO_HOLIDAYS,
    rfm_groups: RfmGroups | None = None,
) -> pa.Table:
    """Return one row per customer with a part before `as_of` (exclusive, UTC), sorted by
    customer_id.

    The columns are those of the table `customer_features` without `run_date`. Columns of optional
    families that aren't asked for, of the lifetime value models, and scores without `cutoffs` are
    null. `parts` are rows of the table `sessions`: all parts of these customers, in any order.
    Without `levels`, `relative_price` is null; without `rfm_groups`, groups are the standard ones.
    The family `demographics` needs `attributes`, rows of `demographics.attribute_columns`; the
    family `price_relative` needs `relative`, rows of `price_relative.customer_sums`, added up; the
    family `seasonal` takes its holidays from `calendar`.
    """
    features = all_features(optional)
    schema = arrow_schema()
    parts = before(parts, as_of)
    if not len(parts):
        return schema.empty_table()
    totals = Totals(parts, as_of, levels, calendar)
    for family, frame in ((DEMOGRAPHICS, attributes), (PRICE_RELATIVE, relative)):
        if family in optional:
            totals.joined.update(_joined(totals.customers, frame, family))
    columns = {"customer_id": totals.customers}
    for feature in features:
        columns[feature.name] = _column(feature.value(totals), schema.field(feature.name).type)
    if cutoffs is not None:
        columns |= scored(totals, cutoffs, rfm_groups)
    for field in schema:
        if field.name not in columns:
            columns[field.name] = pa.nulls(len(totals.customers), field.type)
    return pa.table(columns, schema=schema)


def _joined(customers: pa.Array, frame: pl.DataFrame | None, family: str) -> dict[str, Whole]:
    """Return the columns of a frame with one row per customer, in the order of `customers`."""
    if frame is None:
        raise ValueError(f"the family {family} needs its frame")
    ids = pl.DataFrame({"customer_id": pl.Series(customers)})
    rows = ids.join(frame, on="customer_id", how="left", maintain_order="left").to_arrow()
    return {name: _numbers(rows[name].combine_chunks()) for name in rows.column_names[1:]}


def _numbers(column: pa.Array) -> Whole:
    """Convert a column to numpy, with NaN or MISSING for null."""
    if pa.types.is_floating(column.type):
        numbers: Whole = column.to_numpy(zero_copy_only=False)
        return numbers
    return whole_numbers(column)


def _column(values: Whole, type_: pa.DataType) -> pa.Array:
    """Convert values to an Arrow array; NaN and MISSING become null."""
    if pa.types.is_decimal(type_):
        return unit_decimals(values, type_)
    if pa.types.is_floating(type_):
        return pa.array(values, type_, from_pandas=True)
    is_missing = values == MISSING
    if not is_missing.any():
        return pa.array(values.astype(type_.to_pandas_dtype()), type_)
    return pa.array(values.astype(type_.to_pandas_dtype()), type_, mask=is_missing)
