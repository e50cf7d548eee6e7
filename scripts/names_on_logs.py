"""What segments of a log are called, with the evidence, by the kernels alone: no Spark, no lake.

Features as of the day after the last event, KMeans of the driver (the published one is MLlib's, of
the same data), the choice of k, profiles, names and rules. One log a run:

  python scripts/names_on_logs.py rees46 2019-Oct.csv
  python scripts/names_on_logs.py online_retail online_retail.csv.xz
  python scripts/names_on_logs.py cdnow CDNOW_master.txt
  python scripts/names_on_logs.py purchases purchases.json
  python scripts/names_on_logs.py short_log log.csv
  python scripts/names_on_logs.py features LAKE/customer_features

Takes the packages of requirements-dev.txt; `features` reads the last run date of a lake's table.
"""

import argparse
import json
import lzma
import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.config.archetypes import load_archetypes
from custseg_spark.config.model import ModelConfig
from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.buckets import LocalBuckets, numbers
from custseg_spark.core.clustering.models import ClusterModel
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.profiles import Profile, profiles
from custseg_spark.core.clustering.rules.fitting import price, rules_of
from custseg_spark.core.clustering.rules.words import sentence
from custseg_spark.core.clustering.scaling import Scaler
from custseg_spark.core.events.schema import EVENTS
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.features.registry import OPTIONAL_FAMILIES, all_features
from custseg_spark.core.segments.naming import SegmentName, name_segments
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering import choose, fit
from custseg_spark.pipeline.clustering.sample import draw
from custseg_spark.pipeline.in_memory import parts_of_all_dates

ROOT = Path(__file__).resolve().parents[1]
MIN_SCORE = 0.35
SHOWN = (
    "frequency",
    "monetary",
    "event_count",
    "days_since_first_event",
    "days_since_last_event",
    "cart_count",
)


def rees46(path: Path) -> pl.DataFrame:
    """The multi-category shop: views, carts and purchases of products with categories."""
    return pl.read_csv(path, infer_schema=False).select(
        event_at=pl.col("event_time").str.strip_suffix(" UTC").str.to_datetime(time_zone="UTC"),
        event_type="event_type",
        customer_id="user_id",
        product_id="product_id",
        category_id="category_id",
        category_code="category_code",
        brand="brand",
        session_id="user_session",
        unit_price=pl.col("price").cast(pl.Float64),
    )


def online_retail(path: Path) -> pl.DataFrame:
    """Invoice lines; cancelled ones and negative quantities are returns."""
    with lzma.open(path) as file:
        rows = pl.read_csv(file.read(), infer_schema=False).drop_nulls("CustomerID")
    quantity = pl.col("Quantity").cast(pl.Int64)
    return rows.filter(pl.col("UnitPrice").cast(pl.Float64) > 0).select(
        event_at=pl.col("InvoiceDate").str.to_datetime(time_zone="UTC"),
        event_type=pl.when(quantity < 0).then(pl.lit("return")).otherwise(pl.lit("purchase")),
        customer_id=pl.col("CustomerID").str.strip_suffix(".0"),
        product_id="StockCode",
        order_id="InvoiceNo",
        quantity=quantity.abs(),
        unit_price=pl.col("UnitPrice").cast(pl.Float64),
    )


def cdnow(path: Path) -> pl.DataFrame:
    """Orders of the CD shop: customer, day, number of CDs, dollars."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line[0].isdecimal()]
    rows = pl.DataFrame(lines, schema=["customer", "day", "cds", "dollars"], orient="row")
    return rows.select(
        event_at=pl.col("day").str.to_datetime("%Y%m%d", time_zone="UTC"),
        event_type=pl.lit("purchase"),
        customer_id="customer",
        unit_price=pl.col("dollars").cast(pl.Float64),
    )


def purchases(path: Path) -> pl.DataFrame:
    """A purchase history, as scripts/generate_customers.py writes it."""
    records = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        (str(c["mobile"]), p["date"], float(p["amount"])) for c in records for p in c["purchases"]
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "day", "unit_price"], orient="row")
    return frame.select(
        "customer_id",
        "unit_price",
        event_at=pl.col("day").str.to_datetime("%Y-%m-%d", time_zone="UTC"),
        event_type=pl.lit("purchase"),
    )


def short_log(path: Path) -> pl.DataFrame:
    """Ten days of a shop: user, item, cat, brand, event, ts, price."""
    kinds = {"buy": "purchase", "cart": "cart", "pv": "view"}
    return pl.read_csv(path, infer_schema=False).select(
        event_at=pl.from_epoch(pl.col("ts").cast(pl.Int64)).dt.replace_time_zone("UTC"),
        event_type=pl.col("event").replace_strict(kinds, default=None),
        customer_id="user",
        product_id="item",
        category_id="cat",
        brand="brand",
        unit_price=pl.col("price").cast(pl.Float64),
    )


LOGS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "rees46": rees46,
    "online_retail": online_retail,
    "cdnow": cdnow,
    "purchases": purchases,
    "short_log": short_log,
}


def features_of(events: pl.DataFrame) -> pa.Table:
    """A row a customer as of the day after the last event; equal events count once."""
    whole = events.unique(maintain_order=True).drop_nulls("event_type")
    whole = whole.with_columns(
        unit_price=pl.col("unit_price").cast(EVENTS["unit_price"]),
        event_at=pl.col("event_at").cast(EVENTS["event_at"]),
    )
    given = {
        "event_date": pl.col("event_at").dt.date(),
        "quantity": pl.col("quantity") if "quantity" in whole.columns else pl.lit(1),
        "discount": pl.lit(Decimal(0)),
        "source_row": pl.int_range(pl.len()),
    }
    absent = {n: pl.lit(None) for n in EVENTS if n not in (*whole.columns, *given)}
    whole = whole.with_columns(**given, **absent)
    whole = whole.select(pl.col(n).cast(t) for n, t in EVENTS.items())
    as_of = max(whole["event_date"].to_list()) + timedelta(days=1)
    levels = Levels(*price_levels(category_sums(whole)))
    return customer_features(parts_of_all_dates(whole), as_of=as_of, levels=levels)


def of_lake(path: Path) -> pa.Table:
    """The features of a lake's last run date."""
    from deltalake import DeltaTable

    rows = DeltaTable(str(path)).to_pyarrow_table()
    last = max(rows["run_date"].unique().to_pylist())
    return rows.filter(pa.compute.equal(rows["run_date"], last)).sort_by("customer_id")


class DriverFits:
    """KMeans of the driver only."""

    def __init__(self, prepared: np.ndarray, _preparation: Preparation, _scaling: str) -> None:
        self.scaler = Scaler(1 / prepared.std(axis=0, ddof=1))

    def refits(self, algorithm: str, k: int) -> bool:
        return False

    def refit(self, algorithm: str, k: int, start: np.ndarray) -> ClusterModel:
        raise NotImplementedError

    def others(
        self, trials: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], ClusterModel | InputError]:
        return {}


def figures(profile: Profile, of: Sequence[Profile], features: Sequence[str]) -> dict[str, float]:
    """What the archetypes' bars are for."""
    share = profile.customers / sum(p.customers for p in of)
    total = float(sum(p.revenue for p in of))
    revenue = float(profile.revenue) / total if total > 0 else math.nan
    shares = {
        "customer_share": share,
        "revenue_share": revenue,
        "revenue_per_share": revenue / share if total > 0 else 1.0,
    }
    return {**dict(zip(features, profile.mean.tolist(), strict=False)), **shares}


def table_row(name: SegmentName, segment_figures: dict[str, float], rule: str) -> str:
    """A row of the table of names against evidence."""
    evidence = ", ".join(f"{feature} {z:+.1f}" for feature, z in name.evidence[:3])
    means = " | ".join(f"{segment_figures[feature]:,.1f}" for feature in SHOWN)
    shares = f"{segment_figures['customer_share']:.1%} | {segment_figures['revenue_share']:.1%}"
    return f"| {name.name} | {shares} | {means} | {evidence} |\n    {rule}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("log", choices=[*LOGS, "features"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--archetypes", type=Path, default=ROOT / "conf" / "archetypes.toml")
    options = parser.parse_args()
    is_lake = options.log == "features"
    table = of_lake(options.path) if is_lake else features_of(LOGS[options.log](options.path))
    config = ModelConfig(algorithms=("kmeans",))
    registry = all_features()
    names = [feature.name for feature in registry]
    buckets, bar = LocalBuckets([table]), config.preparation
    sample = draw(
        buckets,
        names,
        min_events=bar.min_events,
        informed_share=bar.informed_share,
        informed_customers=bar.informed_customers,
        size=50_000,
    )
    made = fit(sample, registry, DriverFits, config)
    fitted, verdicts = choose(buckets, sample, made, config, {})
    [chosen] = [v for v in verdicts if v.chosen]
    model, space = chosen.candidate.model, fitted.space
    [segment_profiles] = profiles(buckets, space, [Assigner(model)], names, sample.everyone(20_000))
    figures_by_id = {
        i: figures(profile, segment_profiles, names) for i, profile in enumerate(segment_profiles)
    }
    z_scores = {
        i: dict(zip(names, profile.z_score.tolist(), strict=False))
        for i, profile in enumerate(segment_profiles)
    }
    feature_names = [f.name for f in all_features(tuple(OPTIONAL_FAMILIES))]
    archetypes = load_archetypes(options.archetypes, feature_names)
    named = name_segments(z_scores, archetypes, min_score=MIN_SCORE, figures=figures_by_id)
    informed = sample.informed(config.fit.sample_customers)
    null_values = {
        f.name: p.null_value
        for f in registry
        for p in space.preparation.features
        if f.name == p.name and f.may_be_null
    }
    columns = {name: numbers(informed[name]) for name in space.columns}
    points = space.points(informed)
    rules = rules_of(model, points, columns, null_values)
    print(f"{len(table):,} customers, {sample.bar.customers:,} informed: k = {chosen.candidate.k}")
    print(f"{rules.leaves} leaves, {price(model, points, rules.labels(columns))}")
    print(f"| name | customers | revenue | {' | '.join(SHOWN)} | evidence |")
    for i in named:
        leaves = rules.of_cluster(i)
        print(
            table_row(
                named[i],
                figures_by_id[i],
                sentence(leaves, rules.null_values) if leaves else "no rule",
            )
        )


if __name__ == "__main__":
    main()
