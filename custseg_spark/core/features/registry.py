"""The families of features, and the columns of `customer_features`."""

from collections.abc import Sequence

import pyarrow as pa

from custseg_spark.core.clv.columns import CLV_DOCS
from custseg_spark.core.features import demographics, price_relative, seasonal
from custseg_spark.core.features.basket import BASKET
from custseg_spark.core.features.behaviour import BEHAVIOUR
from custseg_spark.core.features.discount import DISCOUNT
from custseg_spark.core.features.exploration import EXPLORATION
from custseg_spark.core.features.feature import Family, Feature
from custseg_spark.core.features.price import PRICE
from custseg_spark.core.features.rfm import RFM
from custseg_spark.core.features.scores import SCORE_DOCS
from custseg_spark.core.features.temporal import TEMPORAL
from custseg_spark.errors import ConfigurationError, nearest

FAMILIES = {
    "rfm": RFM,
    "behaviour": BEHAVIOUR,
    "exploration": EXPLORATION,
    "temporal": TEMPORAL,
    "price": PRICE,
    "discount": DISCOUNT,
    "basket": BASKET,
}
OPTIONAL_FAMILIES = {
    price_relative.PRICE_RELATIVE: price_relative.FAMILY,
    demographics.DEMOGRAPHICS: demographics.FAMILY,
    seasonal.SEASONAL: seasonal.FAMILY,
}
ARROW_TYPES = {
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal(18,4)": pa.decimal128(18, 4),
    "decimal(28,4)": pa.decimal128(28, 4),
}


def families(optional: Sequence[str] = ()) -> list[Family]:
    """Return the standing families and the named optional ones; ConfigurationError for an unknown
    name.
    """
    for name in optional:
        if name not in OPTIONAL_FAMILIES:
            raise ConfigurationError(
                f"unknown feature family '{name}'{nearest(name, OPTIONAL_FAMILIES)}"
            )
    return [*FAMILIES.values(), *(OPTIONAL_FAMILIES[name] for name in optional)]


def all_features(optional: Sequence[str] = ()) -> list[Feature]:
    """Return every feature of the standing and the named optional families, in column order."""
    return [feature for family in families(optional) for feature in family.features]


def columns() -> dict[str, str]:
    """Return name and type of the columns of `customer_features` after `run_date` and
    `customer_id`.
    """
    features = {f.name: f.type for f in all_features(tuple(OPTIONAL_FAMILIES))}
    scores, values = (
        {name: type_ for name, (type_, _) in docs.items()} for docs in (SCORE_DOCS, CLV_DOCS)
    )
    return {**features, **scores, "rfm_group": "string", **values}


def arrow_schema() -> pa.Schema:
    """Return the Arrow schema of `customer_features`, without `run_date`."""
    types = {**ARROW_TYPES, "string": pa.string()}
    described = [(name, types[type_]) for name, type_ in columns().items()]
    return pa.schema([("customer_id", pa.string()), *described])
