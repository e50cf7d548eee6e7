"""Recognise returns: by event type, the order's id or the sign of an amount."""

import polars as pl

from custseg_spark.core.mappings.mapping import SourceMapping


def event_type(mapping: SourceMapping) -> pl.Expr:
    """Return the canonical type; a purchase with a sign of a return is a return. Null: unknown."""
    given = pl.lit(mapping.event_type) if mapping.event_type else _type_of_text(mapping)
    turned = [sign for column, sign in signs(mapping).items() if column != "event_type"]
    if not turned:
        return given
    is_return = pl.any_horizontal([sign.fill_null(False) for sign in turned])
    return pl.when((given == "purchase") & is_return).then(pl.lit("return")).otherwise(given)


def signs(mapping: SourceMapping) -> dict[str, pl.Expr]:
    """Return by canonical column the value that marks a record as a return; null marks nothing."""
    by_field = {}
    values = [value.lower() for value, kind in mapping.event_types.items() if kind == "return"]
    if values:
        by_field["event_type"] = pl.col("event_type_text").str.to_lowercase().is_in(values)
    if mapping.returns.order_id_prefix:
        by_field["order_id"] = pl.col("order_id").str.starts_with(mapping.returns.order_id_prefix)
    if mapping.returns.negative_quantity:
        by_field["quantity"] = pl.col("quantity_text").str.starts_with("-")
    if mapping.returns.negative_net_amount:
        # Compared as a number: -0.00 returns nothing.
        by_field["net_amount"] = pl.col("net_amount_is_negative")
    return by_field


def _type_of_text(mapping: SourceMapping) -> pl.Expr:
    folded = pl.col("event_type_text").str.to_lowercase()
    types = {value.lower(): kind for value, kind in mapping.event_types.items()}
    return folded.replace_strict(types, default=None, return_dtype=pl.String)
