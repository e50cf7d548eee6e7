"""A small lake of literal rows with two runs, for what reads a run's tables."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import (
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
)
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    EVENTS,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_PROFILES,
)

BEFORE, NOW = date(2021, 3, 1), date(2021, 4, 1)
NAMES = {1: "Loyal", 2: "Dormant", 3: "Empty"}
Row = Mapping[str, Any]


def write(lake: Lake, table: Table, rows: Sequence[Row]) -> None:
    """Rows by column; the columns that aren't named are null."""
    lake.create([table])
    lake.appender([table]).append(of(table, rows), table)


def of(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Literal rows as the table has them; times without a zone are in UTC."""
    names = table.schema.names
    return rows_of([tuple(row.get(name) for name in names) for row in rows], table.schema)


def run_id(day: date) -> str:
    """The id of the run of a date."""
    return f"run-{day}"


def segment(day: date, customer: str, segment_id: int) -> Row:
    return {
        "run_date": day,
        "run_id": run_id(day),
        "algorithm": "kmeans",
        "customer_id": customer,
        "segment_id": segment_id,
        "segment_name": NAMES[segment_id],
        "prediction_timestamp": datetime(day.year, day.month, day.day, tzinfo=UTC),
    }


def profile(day: date, segment_id: int, **more: Any) -> Row:
    return {**segment(day, "", segment_id), "status": "continued", "customer_share": 0.5, **more}


def features(customer: str, frequency: int, monetary: str, **more: Any) -> Row:
    return {
        "run_date": NOW,
        "run_id": run_id(NOW),
        "customer_id": customer,
        "frequency": frequency,
        "monetary": Decimal(monetary),
        "days_since_first_event": 90,
        **more,
    }


def event(customer: str, day: date, kind: str, price: str, **more: Any) -> Row:
    return {
        "event_date": day,
        "event_at": datetime(day.year, day.month, day.day, 12),
        "customer_id": customer,
        "event_type": kind,
        "unit_price": Decimal(price),
        "quantity": 1,
        "discount": Decimal(0),
        **more,
    }


def run(day: date, minute: int = 0) -> Row:
    config = json.dumps({"model": {"algorithms": ["kmeans"]}})
    return {
        "run_date": day,
        "run_id": run_id(day),
        "finished_at": datetime(2021, 5, 1, 0, minute),
        "config": config,
    }


# A feature, and an axis that is none.
ODDITIES = [("frequency", 2.25), ("pc_2", -1.5)]
# c1 moved, c2 stayed, c3 joined, c4 is gone; =c5 stayed, and a spreadsheet would execute it.
SEGMENTS = [
    segment(BEFORE, "c1", 1),
    segment(BEFORE, "c2", 1),
    segment(BEFORE, "c4", 2),
    segment(BEFORE, "=c5", 2),
    {**segment(NOW, "c1", 2), "distance": 3.5, "is_outlier": True, "oddities": ODDITIES},
    segment(NOW, "c2", 1),
    segment(NOW, "c3", 2),
    segment(NOW, "=c5", 2),
    {**segment(NOW, "c1", 1), "algorithm": "bisecting_kmeans"},
]
USUAL = {"frequency": (0.8, 1.0, -0.25)}
PROFILES = [
    profile(BEFORE, 1),
    profile(BEFORE, 2),
    profile(NOW, 1, customer_share=0.25, customers=1),
    profile(NOW, 2, customer_share=0.75, customers=3, outlier_distance=2.0, features=USUAL),
    profile(NOW, 3, customer_share=0.0, customers=0),
    {**profile(NOW, 2), "segment_id": 9, "segment_name": "Gone", "status": "died"},
    {**profile(NOW, 1), "algorithm": "bisecting_kmeans"},
]
FEATURES = [
    features("c1", 3, "100.00", recency_days=5, clv_12m=20.123456, rfm_group="Loyal"),
    features("c2", 1, "9.99", recency_days=40, clv_12m=2.5, days_since_first_event=3),
    features("c3", 0, "-4.50", rfm_group="Prospects"),
    features("=c5", 1, "9.99", recency_days=80, loyalty_score=float("nan")),
    {**features("c1", 9, "1"), "run_date": BEFORE, "run_id": run_id(BEFORE)},
]
PEOPLE = [
    {
        "customer_id": "c1",
        "name": "Ada, Queen",
        "age": 36,
        "income": Decimal("50000.50"),
        "gender": "f",
        "education": "PhD",
        "occupation": "analyst",
        "zip_code": "01234",
    },
    {"customer_id": "c3", "age": 37, "income": Decimal("40000")},
    {"customer_id": "nobody", "age": 99},
]
EVENTS_ROWS = [
    event("c1", date(2021, 1, 5), "purchase", "10", store="Nord", order_id="o1", quantity=3),
    event("c1", date(2021, 1, 5), "purchase", "5", store="Nord", order_id="o1"),
    event("c1", date(2021, 2, 1), "return", "5", store="Nord", order_id="o1"),
    event("c1", date(2021, 2, 9), "purchase", "80", store="Süd", session_id="s1"),
    event("c1", date(2021, 2, 9), "purchase", "1", store="Süd", discount=Decimal("0.5")),
    event("c1", date(2021, 2, 9), "purchase", "1", store="Süd", discount=Decimal("0.5")),
    event("c1", date(2021, 2, 9), "view", "999", store="Süd"),
    event("c3", date(2021, 3, 31), "return", "4.50"),
    event("c4", date(2021, 1, 1), "purchase", "7", store="Nord"),
    event("c1", NOW, "purchase", "30", store="Nord"),
    event("c1", date(2021, 4, 2), "return", "10", store="Nord"),
    event("c4", date(2021, 4, 9), "purchase", "6"),
]
SELECTION = [
    {
        "run_date": NOW,
        "run_id": run_id(NOW),
        "algorithm": "kmeans",
        "k": k,
        "silhouette": 0.5 + k / 100,
        "davies_bouldin": float("nan") if k == 2 else 0.9,
        "chosen": k == 3,
        "why": f"because of {k}",
    }
    for k in (4, 2, 3)
] + [
    {
        "run_date": NOW,
        "run_id": run_id(NOW),
        "algorithm": "bisecting_kmeans",
        "k": 2,
        "chosen": True,
    }
]


def affinity(segment_id: int, rank: int, customers: int, **more: Any) -> Row:
    return {
        "run_date": NOW,
        "run_id": run_id(NOW),
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "rank": rank,
        "customers": customers,
        "segment_buyers": 4,
        "all_customers": 3,
        "all_buyers": 8,
        "support": customers / 4,
        "lift": customers / 1.5,
        "lift_low": 0.5,
        "lift_high": 2.0,
        **more,
    }


PARTNERS = [
    {"product_id": product, "customers": 2, "support": 1.0, "lift": 2.0, "lift_low": 0.75}
    for product in ("p8", "p5")
]
PRODUCTS = [
    affinity(2, 1, 3, product_id="p7", category_code="shoes", bought_together=PARTNERS),
    affinity(2, 2, 2, product_id="=p9", bought_together=[]),
    # Of a segment that has died, and of another algorithm.
    affinity(9, 1, 2, product_id="p1"),
    affinity(2, 1, 2, product_id="p1") | {"algorithm": "bisecting_kmeans"},
    affinity(2, 1, 2, product_id="p1") | {"run_date": BEFORE, "run_id": run_id(BEFORE)},
]
CATEGORIES = [
    affinity(1, 1, 2, kind="category", name="k1", category_code="shoes"),
    affinity(1, 1, 3, kind="brand", name="acme"),
]


def make(lake: Lake) -> None:
    """Writes the whole lake."""
    write(lake, CUSTOMER_SEGMENTS, SEGMENTS)
    write(lake, SEGMENT_PROFILES, PROFILES)
    write(lake, CUSTOMER_FEATURES, FEATURES)
    write(lake, CUSTOMERS, PEOPLE)
    write(lake, EVENTS, EVENTS_ROWS)
    write(lake, MODEL_SELECTION, SELECTION)
    write(lake, SEGMENT_PRODUCTS, PRODUCTS)
    write(lake, SEGMENT_CATEGORIES, CATEGORIES)
    write(lake, RUNS, [run(BEFORE), run(NOW)])
