"""A lake of literal rows with all that the dashboard shows: two runs, refused records, a late file.

The earlier run is as of a version that listed no products and had no seasons.

Ids and texts hold what a browser, a spreadsheet or a formula would take for more than text.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import python_lake
from python_lake import BEFORE, NOW, Row, add, profile, run, segment

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    EVENTS,
    FEATURE_DRIFT,
    INGEST_FILES,
    MODEL_SELECTION,
    REJECTED_EVENTS,
    RUNS,
    SEGMENT_CATEGORIES,
    SEGMENT_POINTS,
    SEGMENT_PRODUCTS,
    SEGMENT_PROFILES,
    SEGMENT_SEASONS,
)

FORMULA, MARKUP = "=1+2", "<img src=x onerror=alert(1)>"
# Each customer's segment of the earlier run and of this one; None: not there.
CUSTOMERS: Mapping[str, tuple[int | None, int | None]] = {
    "512345678": (1, 1),
    "512345679": (2, 1),
    "612345670": (2, 2),
    FORMULA: (2, 2),
    MARKUP: (None, 2),
    "gone": (1, None),
}
_SPEND = {"512345678": "900", "512345679": "700", "612345670": "0", FORMULA: "9.50", MARKUP: "0"}
_ON_TIME = datetime(2024, 4, 30, 5, tzinfo=UTC)
_LATE = datetime(2024, 5, 2, 5, tzinfo=UTC)


def _segments(day: date, place: int) -> list[Row]:
    return [
        segment(day, customer, ids[place], memberships=None)
        for customer, ids in CUSTOMERS.items()
        if ids[place] is not None
    ]


def _features(customer: str, spend: str) -> Row:
    return {
        "run_date": NOW,
        "customer_id": customer,
        "monetary": Decimal(spend),
        "frequency": 3 if spend != "0" else 0,
        "recency_days": 12 if spend != "0" else None,
        "event_count": 40,
    }


def _file(file_id: str, name: str, came: datetime, accepted: int, **more: object) -> Row:
    counts = {"header": 1, "blank": 0, "rejected": 0, "ignored": 0, "duplicates": 0, **more}
    records = accepted + sum(int(str(value)) for value in counts.values())
    return {
        "file_id": file_id,
        "source": "ecommerce_events",
        "source_file": name,
        "bytes": 1_000,
        "physical_records": records,
        "accepted": accepted,
        "rounded": 0,
        "ingested_at": came,
        **counts,
    }


def _event(day: date, file_id: str, number: int) -> Row:
    return {
        "event_date": day,
        "event_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        "customer_id": "512345678",
        "event_type": "view",
        "event_id": f"{file_id}-{number}",
        "file_id": file_id,
    }


def _refused(row: int, code: str, field: str, value: str, expected: str) -> Row:
    return {
        "ingest_date": date(2024, 4, 30),
        "source": "ecommerce_events",
        "source_file": "april.csv",
        "source_row": row,
        "raw_record": f"2024-04-01,{value}",
        "reasons": [{"code": code, "field": field, "value": value, "expected": expected}],
        "file_id": "f1",
    }


def _place(rank: int, low: float, **more: object) -> Row:
    return {
        "run_date": NOW,
        "algorithm": "kmeans",
        "segment_id": 2,
        "rank": rank,
        "customers": 2,
        "segment_buyers": 3,
        "all_customers": 2,
        "all_buyers": 5,
        "support": 0.6667,
        "lift": 1.6667,
        "lift_low": low,
        "lift_high": 2.5,
        **more,
    }


def _season(period: str, number: int, segment_id: int | None) -> Row:
    return {
        "run_date": NOW,
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "period": period,
        "number": number,
        "years": None if period == "weekday" else 2,
        "days": 62,
        "purchases": 10 * number,
        "revenue": Decimal("12.50"),
        "purchase_index": number / 4,
        "revenue_index": 1.5,
    }


_PARTNER = {"product_id": "p9", "customers": 2, "support": 1.0, "lift": 1.5, "lift_low": 0.9}
# With the numbers of periods that there are; of weekdays segment 1 has none.
_SEASONS = [
    *(_season("month", n, s) for n in range(1, 13) for s in (None, 1, 2)),
    *(_season("week", n, s) for n in range(1, 54) for s in (None, 2)),
    *(_season("weekday", n, s) for n in range(1, 8) for s in (None, 2)),
]
_CONFIG = {
    "model": {"algorithms": ["kmeans"]},
    "affinity": {"window_days": 365, "min_customers": 5, "confidence": 0.95, "basis": "purchases"},
    "seasons": {"enabled": True},
}

ROWS: Mapping[Table, Sequence[Row]] = {
    CUSTOMER_SEGMENTS: [*_segments(BEFORE, 0), *_segments(NOW, 1)],
    SEGMENT_PROFILES: [
        profile(BEFORE, 1, 2, "950"),
        profile(BEFORE, 2, 3, "9.50"),
        profile(NOW, 1, 2, "1600", customer_share=0.4, born_on=BEFORE, jaccard=0.91),
        profile(NOW, 2, 3, "9.50", customer_share=0.6, born_on=BEFORE, actions=["<b>Ask</b> them"]),
    ],
    CUSTOMER_FEATURES: [_features(*each) for each in _SPEND.items()],
    MODEL_SELECTION: python_lake.ROWS[MODEL_SELECTION],
    SEGMENT_POINTS: [
        {
            "run_date": NOW,
            "algorithm": "kmeans",
            "customer_id": customer,
            "segment_id": CUSTOMERS[customer][1],
            "x": float(n),
            "y": -float(n),
            "x_variance": 0.5,
            "y_variance": 0.25,
        }
        for n, customer in enumerate(_SPEND)
    ],
    FEATURE_DRIFT: [
        {"run_date": NOW, "previous_run_date": BEFORE, "kind": "feature", "name": name, "psi": psi,
         "verdict": verdict, "bins": []}
        for name, psi, verdict in (("monetary", 0.31, "refit"), ("frequency", 0.02, "same"))
    ],
    CLV_MODELS: [
        {
            "run_date": NOW,
            "buyers": 3,
            "repeat_buyers": 2,
            "converged": True,
            "calibration": [
                {"purchases": n, "customers": 2, "actual": 0.5 * n, "expected": 0.4 * n}
                for n in (0, 1)
            ],
            "deciles": [],
        }
    ],
    INGEST_FILES: [
        _file("f1", "april.csv", _ON_TIME, 3, rejected=3),
        _file("f2", "late.csv", _LATE, 2),
    ],
    EVENTS: [
        *(_event(date(2024, 4, 3), "f1", n) for n in range(2)),
        _event(date(2024, 4, 5), "f1", 2),
        _event(date(2024, 4, 5), "f2", 0),
        _event(date(2024, 5, 1), "f2", 1),
    ],
    REJECTED_EVENTS: [
        _refused(7, "invalid_price", "unit_price", "free", "a decimal number"),
        _refused(9, "invalid_price", "unit_price", "=9", "a decimal number"),
        _refused(8, "missing_customer", "customer_id", "", "an id"),
    ],
    SEGMENT_PRODUCTS: [
        _place(1, 1.25, product_id="p1", category_code="shoes", bought_together=[_PARTNER]),
        _place(2, 0.75, product_id=MARKUP, brand="acme", bought_together=[]),
    ],
    SEGMENT_CATEGORIES: [
        _place(1, 1.25, kind="category", name="k1", category_code="shoes"),
        _place(1, 1.25, kind="brand", name="acme"),
    ],
    SEGMENT_SEASONS: _SEASONS,
    RUNS: [run(BEFORE), {**run(NOW), "config": json.dumps(_CONFIG)}],
}  # fmt: skip


def make(root: Path) -> NativeLake:
    """Writes the lake."""
    lake = NativeLake(root)
    for table, rows in ROWS.items():
        add(lake, table, rows)
    return lake
