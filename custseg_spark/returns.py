"""Which records are returns: by their event type, their order's id or the sign of an amount."""

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.raw import text


def event_type(mapping: MappingFile) -> Column:
    """The canonical type; a purchase that shows a sign of a return is one. Null: unknown."""
    given = F.lit(mapping.event_type) if mapping.event_type else _of_values(mapping)
    turned = [sign for column, sign in signs(mapping).items() if column != "event_type"]
    if not turned:
        return given
    is_return = reduce(Column.__or__, [F.coalesce(sign, F.lit(False)) for sign in turned])
    return F.when((given == "purchase") & is_return, F.lit("return")).otherwise(given)


def signs(mapping: MappingFile) -> dict[str, Column]:
    """By canonical column, what in its text says that a record is a return; null says nothing."""
    found = {}
    values = [value.lower() for value, kind in mapping.event_types.items() if kind == "return"]
    if values:
        found["event_type"] = F.lower(text("event_type")).isin(values)
    if mapping.returns.order_id_prefix:
        found["order_id"] = F.startswith(text("order_id"), F.lit(mapping.returns.order_id_prefix))
    if mapping.returns.negative_quantity:
        found["quantity"] = F.startswith(text("quantity"), F.lit("-"))
    if mapping.returns.negative_net_amount:
        # By its value: -0.00 takes nothing back.
        found["net_amount"] = text("net_amount").try_cast("double") < 0
    return found


def _of_values(mapping: MappingFile) -> Column:
    folded = F.lower(text("event_type"))
    kind = F.lit(None).cast("string")
    for value, canonical in mapping.event_types.items():
        kind = F.when(folded == value.lower(), F.lit(canonical)).otherwise(kind)
    return kind
