"""Rows of `feature_drift`: what a drift is as the table holds it."""

import math
from datetime import date

from custseg_spark.core.segments.drift import Bin, Drift, DriftRules, share_drift
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import FEATURE_DRIFT
from custseg_spark.pipeline.segments.rows import drift_rows


def test_rows_fit_the_table() -> None:
    drift = share_drift("kmeans", {1: 2}, {1: 2}, DriftRules())
    null_bin = Drift("feature", "x", 0.5, "refit", (Bin(math.inf, 0.9, 1.0), Bin(None, 0.1, 0.0)))
    day, before = date(2019, 12, 1), date(2019, 11, 1)
    rows = [(run, "0f", *more) for run, *more in drift_rows([drift, null_bin], day, before)]
    table = rows_of(rows, FEATURE_DRIFT.schema)
    first, second = table.to_pylist()
    assert [first[c] for c in ("kind", "name", "psi", "verdict")] == [
        "segments",
        "kmeans",
        0,
        "same",
    ]
    assert (second["run_date"], second["previous_run_date"]) == (day, before)
    assert [tuple(b.values()) for b in second["bins"]] == [(math.inf, 0.9, 1.0), (None, 0.1, 0.0)]
