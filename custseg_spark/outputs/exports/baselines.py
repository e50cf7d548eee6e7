"""Measure what customers of a run or segment do in 30 days, for plans of campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.experiments.plans import Baseline, baseline
from custseg_spark.core.segments.statuses import DIED
from custseg_spark.engine.lake.reader import Tables
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, SEGMENT_PROFILES
from custseg_spark.errors import InputError, nearest
from custseg_spark.outputs.report.reading import run_date_of

# The features of a baseline: the last 30 days, and the 60 days before these.
DAYS, DAYS_BEFORE = 30, 60
_FEATURES = ["customer_id", "purchases_30d", "spend_30d", "spend_90d"]


@dataclass(frozen=True)
class Measured:
    """The customers of a run or segment (`segment` None: all of the run), and their baseline.

    `run_date` None: a person gave the figures, and none is measured.
    """

    run_date: date | None
    segment: str | None
    customers: int
    of: Baseline


def measured(lake: Tables, run_date: date | None, algorithm: str, segment: str | None) -> Measured:
    """Measure a run's customers, or one segment's by id or name.

    Raises InputError for a missing run, algorithm or segment.
    """
    day = run_date_of(lake, run_date)
    features = _frame(lake.rows(CUSTOMER_FEATURES, _FEATURES, [day]))
    name = None
    if segment is not None:
        segment_id, name = _segment(lake, day, algorithm, segment)
        columns = ["customer_id", "algorithm", "segment_id"]
        rows = _frame(lake.rows(CUSTOMER_SEGMENTS, columns, [day]))
        members = rows.filter(algorithm=algorithm, segment_id=segment_id)
        features = features.join(members, on="customer_id", how="semi")
    return Measured(day, name, len(features), _baseline(features))


def _baseline(customers: pl.DataFrame) -> Baseline:
    def values(name: str) -> np.ndarray:
        return customers[name].cast(pl.Float64).fill_null(0).to_numpy()

    spend = values("spend_30d")
    return baseline(values("purchases_30d") > 0, spend, values("spend_90d") - spend)


def _segment(lake: Tables, day: date, algorithm: str, id_or_name: str) -> tuple[int, str]:
    columns = ["algorithm", "segment_id", "segment_name", "status"]
    rows: Sequence[dict[str, Any]] = lake.rows(SEGMENT_PROFILES, columns, [day]).to_pylist()
    living = [r for r in rows if r["algorithm"] == algorithm and r["status"] != DIED]
    for row in living:
        if id_or_name in (str(row["segment_id"]), row["segment_name"]):
            return row["segment_id"], row["segment_name"]
    names = [str(row["segment_name"]) for row in living]
    raise InputError(
        f"the run of {day} has no segment '{id_or_name}' by {algorithm}{nearest(id_or_name, names)}"
    )


def _frame(rows: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(rows))
