"""Convert collected rows to plain values: NaN to None, everything in a fixed order."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from custseg_spark.outputs.report.rows import (
    Affinity,
    Calibration,
    Candidate,
    Clv,
    Decile,
    Drift,
    Ledger,
    Measure,
    Partner,
    Plane,
    Point,
    Run,
    Segment,
)

T = TypeVar("T")
Rows = list[dict[str, Any]]


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_row(cls: type[T], row: Mapping[str, Any], **more: Any) -> T:
    """Make a dataclass from the row's columns with its fields' names."""
    names = [f.name for f in dataclasses.fields(cls) if f.name not in more]  # type: ignore[arg-type]
    return cls(**{name: row[name] for name in names}, **more)


def ordered(cls: type[T], rows: Rows) -> list[T]:
    """Make dataclasses from rows, ordered by their fields from the first on, None first."""
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    in_order = sorted(rows, key=lambda row: [(row[n] is not None, row[n]) for n in names])
    return [from_row(cls, row) for row in in_order]


def in_order(order: Sequence[str], keys: set[str]) -> list[str]:
    """Sort the existing keys in this order, then any others."""
    return [*(a for a in order if a in keys), *sorted(keys.difference(order))]


def run(row: dict[str, Any]) -> Run:
    return from_row(
        Run,
        row,
        warnings=row["warnings"] or [],
        features=row["features"] or [],
        left_out=dict(sorted((row["left_out"] or {}).items())),
        row_counts=dict(sorted((row["row_counts"] or {}).items())),
        stage_seconds=dict(sorted((row["stage_seconds"] or {}).items(), key=lambda s: (-s[1], s))),
        settings=json.loads(row["config"] or "{}"),
    )


def ledger(rows: Rows) -> Ledger | None:
    files = [from_row(Ledger, row) for row in rows]
    return files[0] if files and files[0].files + files[0].skipped_files else None


def segments(rows: Rows) -> list[Segment]:
    """Sort segments by algorithm and id."""
    total: dict[str, Decimal] = {}
    for row in rows:
        total[row["algorithm"]] = total.get(row["algorithm"], Decimal(0)) + (row["revenue"] or 0)
    return [
        from_row(
            Segment,
            row,
            segment_name=row["segment_name"] or f"Segment {row['segment_id']}",
            customers=row["customers"] or 0,
            # A total of 0, or a loss, has no shares.
            revenue_share=row["revenue_share"] if total[row["algorithm"]] > 0 else None,
            evidence=[(e["feature"], e["z_score"]) for e in row["evidence"] or [] if e["z_score"]],
            actions=row["actions"] or [],
            related_segments=row["related_segments"] or [],
            features={name: from_row(Measure, m) for name, m in (row["features"] or {}).items()},
        )
        for row in sorted(rows, key=lambda row: (row["algorithm"], row["segment_id"]))
    ]


def in_turn(rows: Rows, algorithms: Sequence[str]) -> Rows:
    """Sort rows of `model_selection` by algorithm and k."""
    order = in_order(algorithms, {row["algorithm"] for row in rows})
    return sorted(rows, key=lambda row: (order.index(row["algorithm"]), row["k"]))


def selection(rows: Rows) -> list[Candidate]:
    return [from_row(Candidate, row) for row in rows]


def drift(rows: Rows) -> list[Drift]:
    measured = [row for row in rows if row["psi"] is not None]
    drifts = [from_row(Drift, row, moved=_moved(row["bins"] or [])) for row in measured]
    return sorted(drifts, key=lambda d: (-d.psi, d.kind, d.name))


def _moved(bins: Rows) -> float:
    """Return by how many bins the mean customer moved, upwards above 0."""
    shifts = [(b["share"] or 0.0) - (b["previous_share"] or 0.0) for b in bins]
    return math.fsum(i * shift for i, shift in enumerate(shifts))


def affinities(products: Rows, categories: Rows) -> list[Affinity]:
    """Sort the places of all lists by segment, kind and rank."""
    of_products = [
        from_row(
            Affinity,
            row,
            kind="product",
            name=row["product_id"],
            together=[from_row(Partner, partner) for partner in row["bought_together"] or []],
        )
        for row in products
    ]
    others = [from_row(Affinity, row, brand=None, together=[]) for row in categories]
    return sorted(
        [*of_products, *others], key=lambda a: (a.algorithm, a.segment_id, a.kind, a.rank)
    )


def plane(rows: Rows) -> Plane | None:
    if not rows:
        return None
    points = [from_row(Point, row) for row in rows]
    return Plane(points, rows[0]["x_variance"], rows[0]["y_variance"])


def clv(rows: Rows) -> Clv | None:
    names = ("r", "alpha", "a", "b", "log_likelihood", "p", "q", "v", "spend_log_likelihood")
    for row in rows:
        return from_row(
            Clv,
            row,
            converged=bool(row["converged"]),
            parameters={name: row[name] for name in names},
            calibration=ordered(Calibration, row["calibration"] or []),
            deciles=ordered(Decile, row["deciles"] or []),
            season=row["season"] or [],
        )
    return None
