"""Customer features: one file a family, all aggregated together from the session parts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.features import (
    behaviour,
    clv,
    demographics,
    discount,
    exploration,
    price,
    price_relative,
    rfm,
    temporal,
)
from custseg_spark.features.feature import Family, Feature
from custseg_spark.features.keys import NO_LEVELS, Levels, key_totals

FAMILIES = {
    "rfm": rfm.family,
    "behaviour": behaviour.family,
    "exploration": exploration.family,
    "temporal": temporal.family,
    "price": price.family,
    "discount": discount.family,
}
OPTIONAL_FAMILIES = {
    "price_relative": price_relative.family,
    demographics.DEMOGRAPHICS: demographics.family,
}


def families(as_of: date, optional: Sequence[str] = ()) -> list[Family]:
    """The standing families and the named optional ones; ConfigurationError for an unknown."""
    for name in optional:
        if name not in OPTIONAL_FAMILIES:
            raise ConfigurationError(
                f"unknown feature family '{name}'{nearest(name, OPTIONAL_FAMILIES)}"
            )
    makers = [*FAMILIES.values(), *(OPTIONAL_FAMILIES[name] for name in optional)]
    return [make(as_of) for make in makers]


def customer_features(
    sessions: DataFrame,
    *,
    as_of: date,
    levels: Levels = NO_LEVELS,
    events: DataFrame | None = None,
    profiles: DataFrame | None = None,
    optional: Sequence[str] = (),
) -> DataFrame:
    """One row per customer: behaviour before `as_of` (exclusive, UTC). Nobody is dropped.

    Money in the source's currency; each column as its Feature says. Of what the parts can't tell,
    `levels` has the categories' price levels, of `price.category_levels` (without them
    `relative_price` is null), `events` what the family "price_relative" reads, and `profiles`, the
    table `customers`, what "demographics" does. The RFM scores compare customers and come after,
    with `rfm.with_scores`.
    """
    wanted = families(as_of, optional)
    parts = sessions.where(F.col("session_date") < F.lit(as_of))
    # A customer's parts are of many dates: to add them up before the exchange too gains nothing.
    by_customer = parts.repartition("customer_id").groupBy("customer_id")
    totals = by_customer.agg(*_named(f.totals(as_of) for f in wanted))
    joined = totals.join(key_totals(parts, levels), "customer_id", how="inner")
    if events is not None and "price_relative" in optional:
        relative = price_relative.customer_totals(events, as_of)
        joined = joined.join(relative, "customer_id", how="left")
    if profiles is not None and demographics.DEMOGRAPHICS in optional:
        described = demographics.customer_columns(profiles)
        joined = joined.join(described, "customer_id", how="left")
    columns = [f.column().cast(f.type).alias(f.name) for family in wanted for f in family.features]
    return joined.select(F.lit(as_of).alias("run_date"), "customer_id", *columns)


def all_features(optional: Sequence[str] = ()) -> list[Feature]:
    """Every feature of the standing and the named optional families, in column order."""
    return [f for family in families(date(2000, 1, 1), optional) for f in family.features]


def schema_ddl(optional: Sequence[str] = tuple(OPTIONAL_FAMILIES)) -> str:
    """The columns of `customer_features` in DDL."""
    columns = [(f.name, f.type) for f in all_features(optional)]
    columns += [(name, type_) for name, (type_, _) in rfm.SCORE_DOCS.items()]
    described = [f"{name} {type_}" for name, type_ in columns]
    values = [f"{name} {type_}" for name, (type_, _) in clv.CLV_DOCS.items()]
    return ", ".join(
        ["run_date date", "customer_id string", *described, "rfm_group string", *values]
    )


def _named(totals: Iterable[Mapping[str, Column]]) -> list[Column]:
    """The totals of several families as aliased columns; a shared total once."""
    merged = {name: column for family in totals for name, column in family.items()}
    return [column.alias(name) for name, column in merged.items()]
