"""A lake of literal rows, written without Spark: two runs of one model and four customers."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from checkout import ROOT

from custseg_spark.engine.lake import commits
from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.files import write_parts
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)
from custseg_spark.engine.model_files import digest

BEFORE, NOW = date(2024, 4, 1), date(2024, 5, 1)
RUN_IDS = {BEFORE: "r4", NOW: "r5"}
MODEL = ROOT / "tests" / "data" / "scoring.json"
NAMES = {1: "High-Value", 2: "Window Shoppers"}
FEATURES = {"a": (900.0, 12), "b": (None, 0), "c": (0.5, None), "d": (700.0, 9)}
Row = Mapping[str, Any]


def segment(day: date, customer: str, segment_id: int, **more: Any) -> Row:
    return {
        "run_date": day,
        "algorithm": "kmeans",
        "customer_id": customer,
        "cluster": segment_id - 1,
        "segment_id": segment_id,
        "segment_name": NAMES[segment_id],
        "distance": 0.25,
        "second_segment_id": 3 - segment_id,
        "margin": 1.5,
        "top_features": ["monetary", "frequency"],
        "rfm_r": 5,
        "rfm_f": 4,
        "rfm_group": "Loyal" if segment_id == 1 else "Prospects",
        **more,
    }


def profile(day: date, segment_id: int, customers: int, revenue: str, **more: Any) -> Row:
    z = 1.25 if segment_id == 1 else -1.25
    return {
        "run_date": day,
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "segment_name": NAMES[segment_id],
        "cluster": segment_id - 1,
        "customers": customers,
        "customer_share": customers / 4,
        "revenue": Decimal(revenue),
        "revenue_share": float(revenue) / 1600.5,
        "evidence": [{"feature": "monetary", "z_score": z}],
        "actions": ["Thank them"],
        "status": "continued",
        "related_segments": [],
        "features": {"monetary": {"mean": 800.0 if z > 0 else 0.25, "median": 800.0, "z_score": z}},
        **more,
    }


def run(day: date) -> Row:
    config = {"model": {"algorithms": ["kmeans"]}}
    return {
        "run_date": day,
        "previous_run_date": BEFORE if day == NOW else None,
        "finished_at": datetime(2024, 5, 1, 6, tzinfo=UTC),
        "config": json.dumps(config),
        "models": {"kmeans": f"run_date={day}/kmeans-1"},
        "model_hashes": {"kmeans": digest({"scoring.json": MODEL.read_bytes()})},
        "features": ["monetary", "frequency"],
        "warnings": ["a small log"] if day == NOW else [],
    }


ROWS: Mapping[Table, Sequence[Row]] = {
    CUSTOMER_SEGMENTS: [
        *(segment(BEFORE, customer, 2) for customer in "ab"),
        segment(NOW, "a", 1),
        segment(NOW, "b", 2),
        segment(NOW, "c", 2),
        segment(NOW, "d", 1),
    ],
    SEGMENT_PROFILES: [
        profile(BEFORE, 2, 2, "0"),
        profile(NOW, 1, 2, "1600"),
        profile(NOW, 2, 2, "0.5"),
    ],
    CUSTOMER_FEATURES: [
        {
            "run_date": NOW,
            "customer_id": customer,
            "monetary": None if monetary is None else Decimal(str(monetary)),
            "frequency": frequency,
            "event_count": 40,
        }
        for customer, (monetary, frequency) in FEATURES.items()
    ],
    MODEL_SELECTION: [
        {
            "run_date": NOW,
            "algorithm": "kmeans",
            "k": k,
            "silhouette": 0.5 - k / 100,
            "chosen": k == 2,
            "why": "because",
        }
        for k in (2, 3)
    ],
    SEGMENT_POINTS: [
        {
            "run_date": NOW,
            "algorithm": "kmeans",
            "customer_id": customer,
            "segment_id": 1 + n % 2,
            "x": float(n),
            "y": -float(n),
        }
        for n, customer in enumerate("abcd")
    ],
    RUNS: [run(BEFORE), run(NOW)],
}


def table_of(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Literal rows as the table has them; what isn't named is null, but for the date's run."""
    names = table.schema.names
    full = [{RUN_ID: RUN_IDS.get(row.get("run_date")), **row} for row in rows]
    return rows_of([tuple(row.get(name) for name in names) for row in full], table.schema)


def add(lake: NativeLake, table: Table, rows: Sequence[Row], run_id: str = "a") -> None:
    """Appends literal rows."""
    lake.create([table])
    folder = lake.folder(table)
    files = write_parts(table_of(table, rows), table, folder, run_id=run_id, task=0)
    commits.append(lake, table, files, read_version=lake.version(table))


def make(root: Path) -> NativeLake:
    """Writes the lake with its model."""
    for name, content in _files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return NativeLake(root)


@cache
def _files() -> Mapping[str, bytes]:
    """The lake's files by name: to commit them anew for each test takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for table, rows in ROWS.items():
            add(NativeLake(root), table, rows)
        for day in (BEFORE, NOW):
            model = root / "models" / f"run_date={day}" / "kmeans-1"
            model.mkdir(parents=True)
            (model / "scoring.json").write_text(MODEL.read_text())
        files = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in files}
