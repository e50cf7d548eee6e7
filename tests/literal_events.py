"""Events from literal values, and the package's stages over them, as a run composes them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from custseg_spark.features import price, rfm
from custseg_spark.features.keys import Levels
from custseg_spark.sessions import session_parts
from oracle import Event
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark import features
from custseg_spark.core.segments import naming
from custseg_spark.engine.lake.schemas import SESSIONS
from custseg_spark.engine.lake.spark_io import conform

_TYPES = {
    "event_at": "timestamp",
    "event_type": "string",
    "customer_id": "string",
    "product_id": "string",
    "category_id": "string",
    "brand": "string",
    "unit_price": "decimal(18,4)",
    "quantity": "bigint",
    "discount": "decimal(18,4)",
    "session_id": "string",
    "order_id": "string",
}


def event(customer: str, at: str, kind: str = "view", price: str = "10", **more: Any) -> Event:
    """One event; `at` is an ISO time in UTC. Without a session or an order unless given."""
    given = {
        "event_at": datetime.fromisoformat(at),
        "event_type": kind,
        "customer_id": customer,
        "product_id": "p1",
        "category_id": "c1",
        "brand": "b1",
        "unit_price": Decimal(price),
        "quantity": 1,
        "discount": Decimal(0),
        "session_id": None,
        "order_id": None,
    }
    assert more.keys() <= given.keys()
    return given | more


def frame(spark: SparkSession, events: Iterable[Event], partitions: int = 1) -> DataFrame:
    """The events as rows of the table `events`, in the given order and number of partitions."""
    rows = [tuple(_as_text(e[name]) for name in _TYPES) for e in events]
    # As text, and cast in Spark: a Python datetime would be read in the machine's time zone.
    texts = spark.createDataFrame(rows, ", ".join(f"{name} string" for name in _TYPES))
    typed = [F.col(name).cast(type_).alias(name) for name, type_ in _TYPES.items()]
    return (
        texts.repartition(partitions).select(*typed).withColumn("event_date", F.to_date("event_at"))
    )


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def parts_of(events: DataFrame, **more: Any) -> DataFrame:
    """The session parts as the table holds them."""
    return conform(session_parts(events, **more), SESSIONS.schema)


def scored_features(events: DataFrame, as_of: date) -> dict[str, dict[str, Any]]:
    """Every column of `customer_features` but the run date, by customer."""
    levels = Levels.of(price.category_levels(events, as_of).toArrow())
    plain = features.customer_features(parts_of(events), as_of=as_of, levels=levels).persist()
    try:
        cutoffs = {row.score: row.cutoffs for row in rfm.score_cutoffs(plain).collect()}
        rows = naming.with_rfm_group(rfm.with_scores(plain, cutoffs)).collect()
    finally:
        plain.unpersist()
    assert {row.run_date for row in rows} <= {as_of}
    return by_customer(rows)


def by_customer(rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Rows as dicts by customer, who must be there once."""
    found = {}
    for row in rows:
        values = row.asDict()
        customer = values.pop("customer_id")
        assert customer not in found
        found[customer] = {k: v for k, v in values.items() if k != "run_date"}
    return found
