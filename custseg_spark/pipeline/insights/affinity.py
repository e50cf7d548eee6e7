"""`segment_products` and `segment_categories` of a run, from session parts and their segments.

It takes three passes over the window: owners by segment, pairs of the leading products, and events
for the names of listed products.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from custseg_spark.config.insights import AffinityConfig
from custseg_spark.core.insights import affinity, names, pairs
from custseg_spark.core.insights.affinity import Rules
from custseg_spark.core.insights.pairs import Sought
from custseg_spark.core.insights.purchases import (
    LABEL_COLUMNS,
    PART_COLUMNS,
    PRODUCT,
    PRODUCT_COLUMNS,
    SEGMENT,
)
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import (
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
)
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SESSIONS
from custseg_spark.engine.partitions import Side, event_slices, map_sides
from custseg_spark.pipeline.population import Population
from custseg_spark.progress import Progress

_OF_SEGMENT = list(SEGMENT)


def write(of: Population, progress: Progress) -> None:
    """Add the run's lists of products, categories and brands, if the configuration wants them."""
    config = of.config.affinity
    if not config.enabled:
        return
    with progress.stage("products of segments") as stage:
        tables = _tables(of, config)
        stage.rows = sum(map(len, tables.values()))
        of.publication.append_to_each(tables)


def _tables(of: Population, config: AffinityConfig) -> dict[Table, pa.Table]:
    rules = Rules(config.top, config.min_customers, config.confidence)
    window = _Window(of, config)
    counts = affinity.added(window.map(_Counts(config.basis), PART_COLUMNS))
    rows = affinity.affinities(counts, rules)
    leading = affinity.leading(rows, [*SEGMENT, "kind"], rules.top)
    partners = _pairs(window, counts, leading, rules, config)
    spelt = window.spellings(leading.select("kind", "key"), partners.select(key="partner"))
    named = leading.join(spelt, on=["kind", "key"])
    listed = affinity.ranked(named, [*SEGMENT, "kind"], "id", rules.top)
    together = partners.join(_ids(spelt), left_on="partner", right_on="key")
    beside = affinity.ranked(together, [*SEGMENT, "key"], "id", config.together)
    products = _with_partners(listed.filter(pl.col("kind") == PRODUCT), beside)
    categories = listed.filter(pl.col("kind") != PRODUCT)
    return {
        SEGMENT_PRODUCTS: _rows(of, products.rename({"id": "product_id"}), SEGMENT_PRODUCTS),
        SEGMENT_CATEGORIES: _rows(of, categories.rename({"id": "name"}), SEGMENT_CATEGORIES),
    }


def _pairs(
    window: "_Window",
    counts: pl.DataFrame,
    leading: pl.DataFrame,
    rules: Rules,
    config: AffinityConfig,
) -> pl.DataFrame:
    """Return the leading products' partners, as many as may be listed."""
    sought = pairs.sought(counts, leading, rules)
    is_needed = config.together > 0 and len(sought.anchors)
    counted = window.map(_Pairs(config.basis, sought), PRODUCT_COLUMNS) if is_needed else []
    partners = pairs.partners(pairs.added_pairs(counted), counts, rules)
    return affinity.leading(partners, [*SEGMENT, "key"], config.together)


@dataclass(frozen=True)
class _Counts:
    basis: str

    def __call__(self, sides: Sequence[pa.Table]) -> pl.DataFrame:
        parts, labels = sides
        return affinity.counts(parts, labels, self.basis)


@dataclass(frozen=True)
class _Pairs:
    basis: str
    sought: Sought

    def __call__(self, sides: Sequence[pa.Table]) -> pl.DataFrame:
        parts, labels = sides
        return pairs.pair_counts(parts, labels, self.basis, self.sought)


@dataclass(frozen=True)
class _Window:
    """The days that count, by customers' buckets (`map`) or by events (`spellings`)."""

    of: Population
    config: AffinityConfig

    @property
    def since(self) -> date:
        return self.of.run_date - timedelta(days=self.config.window_days)

    def map(self, kernel: Any, columns: tuple[str, ...]) -> list[pl.DataFrame]:
        """Run the kernel on the parts and segments of each bucket of customers."""
        lake, day = self.of.publication.lake, self.of.run_date
        sides = [
            Side(lake, SESSIONS, day, columns, self.since),
            Side(lake, CUSTOMER_SEGMENTS, day, LABEL_COLUMNS),
        ]
        return map_sides(sides, kernel, self.of.groups)

    def spellings(self, keys: pl.DataFrame, partners: pl.DataFrame) -> pl.DataFrame:
        """Return the ids of keys and partners."""
        of_partners = partners.with_columns(pl.lit(PRODUCT, keys.schema["kind"]).alias("kind"))
        wanted_keys = pl.concat([keys, of_partners.select("kind", "key")]).unique()
        if wanted_keys.is_empty():
            return names.named([])
        kernel = partial(_spellings, wanted_keys=wanted_keys, basis=self.config.basis)
        slices = event_slices(self.of.publication.lake, self.of.run_date, self.since)
        return names.named(slices.map(kernel, names.NAME_COLUMNS))


def _spellings(events: pa.Table, *, wanted_keys: pl.DataFrame, basis: str) -> pl.DataFrame:
    return names.spellings(pl.DataFrame(pl.from_arrow(events)), wanted_keys, basis)


def _ids(spelt: pl.DataFrame) -> pl.DataFrame:
    return spelt.filter(pl.col("kind") == PRODUCT).select("key", "id")


def _with_partners(products: pl.DataFrame, partners: pl.DataFrame) -> pl.DataFrame:
    """Return the products, each with its partners in order, or with an empty list."""
    fields = {
        "id": "product_id",
        **{n: n for n in ("customers", "support", "lift", "lift_low", "lift_high")},
    }
    structs = pl.struct(pl.col(name).alias(field) for name, field in fields.items())
    keys = [*_OF_SEGMENT, "key"]
    lists = partners.sort(*keys, "rank").group_by(keys).agg(bought_together=structs)
    joined = products.join(lists, on=keys, how="left")
    return joined.with_columns(pl.col("bought_together").fill_null([]))


def _rows(of: Population, rows: pl.DataFrame, table: Table) -> pa.Table:
    """Return rows with the table's columns, in a fixed order, for this run."""
    keys: Mapping[str, Any] = {"run_date": of.run_date, "run_id": of.publication.run_id}
    ordered = rows.sort(*_OF_SEGMENT, "kind", "rank").with_columns(pl.col("kind").cast(pl.String))
    whole = ordered.with_columns(pl.lit(value).alias(name) for name, value in keys.items())
    return whole.select(table.schema.names).to_arrow().cast(table.schema)
