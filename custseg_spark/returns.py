"""Which records are returns: by their event type, their order's id or the sign of an amount."""

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark.sources.profile import Profile
from custseg_spark.sources.raw import text


def event_type(profile: Profile) -> Column:
    """The canonical type; a purchase that shows a sign of a return is one. Null: unknown."""
    given = F.lit(profile.event_type) if profile.event_type else _of_values(profile)
    turned = [sign for column, sign in signs(profile).items() if column != "event_type"]
    if not turned:
        return given
    is_return = reduce(Column.__or__, [F.coalesce(sign, F.lit(False)) for sign in turned])
    return F.when((given == "purchase") & is_return, F.lit("return")).otherwise(given)


def signs(profile: Profile) -> dict[str, Column]:
    """By canonical column, what in its text says that a record is a return; null says nothing."""
    found = {}
    values = [value.lower() for value, kind in profile.event_types.items() if kind == "return"]
    if values:
        found["event_type"] = F.lower(text("event_type")).isin(values)
    if profile.returns.order_id_prefix:
        found["order_id"] = F.startswith(text("order_id"), F.lit(profile.returns.order_id_prefix))
    if profile.returns.negative_quantity:
        found["quantity"] = F.startswith(text("quantity"), F.lit("-"))
    if profile.returns.negative_net_amount:
        # By its value: -0.00 takes nothing back.
        found["net_amount"] = text("net_amount").try_cast("double") < 0
    return found


def _of_values(profile: Profile) -> Column:
    folded = F.lower(text("event_type"))
    kind = F.lit(None).cast("string")
    for value, canonical in profile.event_types.items():
        kind = F.when(folded == value.lower(), F.lit(canonical)).otherwise(kind)
    return kind
