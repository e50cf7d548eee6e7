"""Rows of `customer_segments` with the previous run's: each way of IO, and after another lake."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from literal_lake import of, run, run_id, write
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.core.clustering.assignment import NamedClustering, segment_columns
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.placing import PLACED_COLUMNS
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.segments.tenure import PREVIOUS_COLUMNS
from custseg_spark.engine.lake import publication
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, RUNS
from custseg_spark.engine.partitions import Side, write_sides
from custseg_spark.pipeline.segmentation import OUTPUTS
from custseg_spark.pipeline.segments.assigning import SegmentRows

JAN, BEFORE, NOW = date(2021, 1, 1), date(2021, 3, 1), date(2021, 4, 1)
AS_OF = datetime(2021, 4, 1, tzinfo=UTC)
NAMES = ("frequency", "event_count")
SPACE = FeatureSpace(
    Preparation(tuple(PreparedFeature(n, 0.0, "none", -np.inf, np.inf) for n in NAMES), {}),
    Scaler(np.ones(2)),
)
CENTRES = np.array([[0.0, 0.0], [10.0, 0.0]])
CLUSTERING = NamedClustering("kmeans", KMeans(CENTRES), (1, 2), ("Few", "Many"), (3.0, None))
# Where each customer is now; in which segment, since when and after which before.
CUSTOMERS = {
    "moved": ((10, 0), (1, JAN, None)),
    "stayed": ((1, 0), (1, JAN, 2)),
    "joined": ((0, 2), None),
    "odd": ((1, 4), (1, BEFORE, None)),
}


def previous(customer: str, segment_id: int, since: date, earlier: int | None) -> dict[str, Any]:
    return {
        "run_date": BEFORE,
        "run_id": run_id(BEFORE),
        "algorithm": "kmeans",
        "customer_id": customer,
        "segment_id": segment_id,
        "segment_since": since,
        "previous_segment_id": earlier,
    }


ROWS = [
    *(previous(c, own[0], own[1], own[2]) for c, (_, own) in CUSTOMERS.items() if own),
    previous("gone", 1, JAN, None),
    {**previous("joined", 1, JAN, None), "algorithm": "bisecting_kmeans"},
]
FEATURES = [
    {"customer_id": c, "frequency": x, "event_count": y, "monetary": Decimal(0)}
    for c, ((x, y), _) in CUSTOMERS.items()
]


@pytest.fixture(params=["native", "spark", "of an older lake"])
def sides(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Lake, Lake]:
    """The lake of the new run, and the one of the run before it."""
    io = "native" if request.param == "of an older lake" else request.param
    lake = Lake(spark, LakeConfig(path=str(tmp_path / "lake"), io=io))
    lake.create(OUTPUTS)
    if request.param != "of an older lake":
        write(lake, CUSTOMER_SEGMENTS, ROWS)
        write(lake, RUNS, [run(BEFORE)])
        return lake, lake
    older = Lake(spark, LakeConfig(path=str(tmp_path / "old"), io="spark"))
    rows = spark.createDataFrame(of(CUSTOMER_SEGMENTS, ROWS).drop_columns(list(NEW)).to_pandas())
    rows.write.format("delta").save(f"{tmp_path}/old/customer_segments")
    write(older, RUNS, [run(BEFORE)])
    return lake, older


OF_BEFORE = tuple(dict.fromkeys([*PREVIOUS_COLUMNS, *PLACED_COLUMNS]))
NEW = ("memberships", "top_features", "oddities", "is_outlier", "previous_segment_id",
       "segment_since")  # fmt: skip


def test_who_stayed_goes_on_and_who_moved_begins_anew(
    sides: tuple[Lake, Lake], request: pytest.FixtureRequest
) -> None:
    lake, before = sides
    with publication.of_run(publication.as_read(lake), NOW) as own:
        dated = [{**f, "run_date": NOW, "run_id": own.run_id} for f in FEATURES]
        own.append(of(CUSTOMER_FEATURES, dated), CUSTOMER_FEATURES)
        old = own.lake if before is lake else before
        columns = tuple(segment_columns(SPACE, (CLUSTERING,)))
        written = write_sides(
            [
                Side(own.lake, CUSTOMER_FEATURES, NOW, columns),
                Side(old, CUSTOMER_SEGMENTS, BEFORE, OF_BEFORE),
            ],
            SegmentRows(SPACE, (CLUSTERING,), AS_OF, NOW, BEFORE),
            CUSTOMER_SEGMENTS,
            own,
            groups=3,
        )
        rows = own.lake.rows(CUSTOMER_SEGMENTS, dates=[NOW]).to_pylist()
    assert written == len(rows) == len(CUSTOMERS)
    found = {
        r["customer_id"]: (r["segment_id"], r["previous_segment_id"], r["segment_since"])
        for r in rows
    }
    knows_since = before is lake
    assert found == {
        "moved": (2, 1, NOW),
        # What an older version didn't write is known from its run's date on.
        "stayed": (1, 2, JAN) if knows_since else (1, None, BEFORE),
        "joined": (1, None, NOW),
        "odd": (1, None, BEFORE),
    }
    [odd] = [r for r in rows if r["is_outlier"]]
    assert (odd["customer_id"], odd["distance"]) == ("odd", 17**0.5)
    assert [dict(o) for o in odd["oddities"]] == [
        {"feature": "event_count", "deviation": 4.0},
        {"feature": "frequency", "deviation": 1.0},
    ]
