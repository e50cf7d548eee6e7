"""Explain why a customer is in a segment, in numbers and in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.reader import Tables
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    RUNS,
    SEGMENT_PROFILES,
)
from custseg_spark.errors import InputError
from custseg_spark.outputs.report import words

_COMPARED = {
    "feature": pl.String,
    "value": pl.Float64,
    "segment_median": pl.Float64,
    "segment_mean": pl.Float64,
    "segment_z_score": pl.Float64,
    "second_segment_mean": pl.Float64,
    "is_reason": pl.Boolean,
}


@dataclass(frozen=True)
class Explanation:
    """A customer's segment, with reasons; `print` shows it in words.

    `distance` is the distance to the segment's centre, `margin` how much farther the second
    segment's centre is. `features` has a row per feature of the model, the reasons first: the
    customer's value beside the segment's median and mean, the segment's distance from all customers
    in standard deviations, and the second segment's mean. `reasons` are the features that speak
    most for the segment and against the second one. A customer of whom too little is known has no
    reasons and no distance. `history` is the customer's segment at each run date so far.
    """

    customer_id: str
    run_date: date
    algorithm: str
    segment_id: int
    segment_name: str
    distance: float | None
    second_segment_id: int | None
    second_segment_name: str | None
    margin: float | None
    rfm_group: str | None
    reasons: tuple[str, ...]
    features: pl.DataFrame
    history: pl.DataFrame

    def __str__(self) -> str:
        lines = [
            f"Customer {self.customer_id} on {self.run_date}: {self.segment_name}"
            f" (segment {self.segment_id})"
        ]
        if self.distance is None:
            lines.append("Too few events, and no order, to be put into a segment by the model")
        elif self.second_segment_name is not None and self.margin is not None:
            lines.append(
                f"{self.distance:.2f} from its centre; that of {self.second_segment_name} is"
                f" {self.margin:.2f} farther away"
            )
        for row in self.features.filter("is_reason").iter_rows(named=True):
            value = words.feature_value(row["feature"], row["value"])
            median = words.feature_value(row["feature"], row["segment_median"])
            lines.append(
                f"  {words.feature(row['feature'])}: {value}; median of the segment {median}"
            )
        if self.rfm_group:
            lines.append(f"RFM group: {self.rfm_group}")
        if len(self.history) > 1:
            was = [f"{r['run_date']} {r['segment_name']}" for r in self.history.to_dicts()]
            lines.append(f"So far: {', '.join(was)}")
        return "\n".join(lines)


class CustomerTables(Tables, Protocol):
    """Tables of a lake that can also be read for one customer."""

    def rows_of_customer(self, table: Table, customer_id: str, day: date) -> pa.Table:
        """Return a customer's rows on a run date."""


@dataclass(frozen=True)
class OneRun:
    """A run's customers by one algorithm; `features` are the model's, `where` names the lake."""

    reader: CustomerTables
    where: str
    run_date: date
    algorithm: str
    features: Sequence[str]


def explain(of: OneRun, customer_id: str) -> Explanation:
    """Explain a customer's segment. Raises InputError for a customer who isn't in the run."""
    row = _segment(of, customer_id, of.run_date)
    if row is None:
        raise InputError(f"the run of {of.run_date} has no customer '{customer_id}' in {of.where}")
    profiles = _profiles(of)
    second = profiles.get(row["second_segment_id"])
    reasons = tuple(row["top_features"] or ())
    return Explanation(
        customer_id,
        of.run_date,
        of.algorithm,
        row["segment_id"],
        row["segment_name"],
        row["distance"],
        row["second_segment_id"],
        second["segment_name"] if second else None,
        row["margin"],
        row["rfm_group"],
        reasons,
        _compared(of, customer_id, profiles.get(row["segment_id"]), second, reasons),
        _history(of, customer_id),
    )


def _segment(of: OneRun, customer_id: str, day: date) -> Mapping[str, Any] | None:
    rows = dicts_of(of.reader.rows_of_customer(CUSTOMER_SEGMENTS, customer_id, day))
    return next((row for row in rows if row["algorithm"] == of.algorithm), None)


def _profiles(of: OneRun) -> Mapping[int, Mapping[str, Any]]:
    names = ["algorithm", "segment_id", "segment_name", "features"]
    rows = dicts_of(of.reader.rows(SEGMENT_PROFILES, names, [of.run_date]))
    return {row["segment_id"]: row for row in rows if row["algorithm"] == of.algorithm}


def _compared(
    of: OneRun,
    customer_id: str,
    segment: Mapping[str, Any] | None,
    second: Mapping[str, Any] | None,
    reasons: Sequence[str],
) -> pl.DataFrame:
    """Return the model's features, the reasons first; null where a table lacks the number."""
    feature_rows = of.reader.rows_of_customer(CUSTOMER_FEATURES, customer_id, of.run_date)
    names = [n for n in of.features if n in feature_rows.column_names]
    ordered = sorted(names, key=lambda n: reasons.index(n) if n in reasons else len(reasons))
    here = dict(segment["features"] or {}) if segment else {}
    there = dict(second["features"] or {}) if second else {}
    rows = [
        {
            "feature": name,
            "value": _finite(numbers(feature_rows[name])[0]) if len(feature_rows) else None,
            "segment_median": here.get(name, {}).get("median"),
            "segment_mean": here.get(name, {}).get("mean"),
            "segment_z_score": here.get(name, {}).get("z_score"),
            "second_segment_mean": there.get(name, {}).get("mean"),
            "is_reason": name in reasons,
        }
        for name in ordered
    ]
    return pl.DataFrame(rows, schema=_COMPARED, orient="row")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _history(of: OneRun, customer_id: str) -> pl.DataFrame:
    days = sorted(set(of.reader.rows(RUNS, ["run_date"])["run_date"].to_pylist()))
    segments = [(d, _segment(of, customer_id, d)) for d in days if d <= of.run_date]
    rows = [(d, r["segment_id"], r["segment_name"]) for d, r in segments if r is not None]
    schema = {"run_date": pl.Date, "segment_id": pl.Int32, "segment_name": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
