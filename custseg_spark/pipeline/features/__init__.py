"""`customer_features` and `clv_models` of a run date, from the lake's sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

import polars as pl
import pyarrow as pa

from custseg_spark.config.rfm_groups import rfm_rules
from custseg_spark.config.settings import Config
from custseg_spark.core.clv.columns import CLV_DOCS
from custseg_spark.core.clv.fitting import ClvModel
from custseg_spark.core.clv.histories import purchase_history
from custseg_spark.core.clv.scoring import FittedModels, clv_columns
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.demographics import (
    DEMOGRAPHICS,
    attribute_columns,
    occupation_counts,
    occupation_shares,
)
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.learned import file_name as learned_name
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.features.price_relative import (
    PRICE_RELATIVE,
    added_customer_sums,
    customer_sums,
    product_sums,
    product_tiers,
)
from custseg_spark.core.features.rfm_groups import RfmGroups
from custseg_spark.core.features.rfm_rules import RfmRules
from custseg_spark.core.features.scores import Cutoffs, buyer_values, score_cutoffs, value_counts
from custseg_spark.core.holidays import Calendar
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import EVENT_SUMMARY
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_FEATURES,
    CUSTOMERS,
    SESSIONS,
)
from custseg_spark.engine.partitions import (
    ORDER_KEYS,
    Kernel,
    Portions,
    event_slices,
    session_buckets,
)
from custseg_spark.engine.spark.file_systems import write_bytes
from custseg_spark.errors import InputError
from custseg_spark.paths import place
from custseg_spark.pipeline.dates import number_of_events
from custseg_spark.pipeline.features import lifetime
from custseg_spark.pipeline.features.events_pass import over_events, summary_rows
from custseg_spark.pipeline.features.trial import Limited, steps_left
from custseg_spark.pipeline.sessions.native import groups_for
from custseg_spark.progress import Progress

R = TypeVar("R")

_PART_COLUMNS = tuple(SESSIONS.schema.names)
_MONEY_COLUMNS = (
    "customer_id",
    "session_date",
    "purchase_count",
    "return_count",
    "purchase_amount",
    "return_amount",
    "last_purchase_at",
    ORDER_KEYS,
)


def with_demographics(lake: Lake, config: Config) -> Config:
    """Add the family "demographics" to the configuration if the lake has customer attributes."""
    optional = config.features.optional_families
    if DEMOGRAPHICS in optional or not len(lake.rows(CUSTOMERS, ["customer_id"])):
        return config
    return replace(
        config, features=replace(config.features, optional_families=(*optional, DEMOGRAPHICS))
    )


def write_features(publication: RunPublication, config: Config, progress: Progress) -> int:
    """Write the run's features and CLV models; return the number of customers.

    Raises InputError where nobody has an event before the run date.
    """
    lake, run_date = publication.lake, publication.run_date
    sessions = session_buckets(lake, run_date, customer_groups(lake))
    parts = LimitedPortions(sessions, steps_left(sessions, config.run))
    model = _lifetime_values(parts, config, run_date, progress)
    with progress.stage("customer features") as stage:
        seen = over_events(lake, run_date, summarised=config.event_summary.enabled)
        rules = rfm_rules(config.rfm)
        cutoffs = _cutoffs(parts, run_date, rules)
        learned = Learned(run_date, seen.levels, cutoffs, rules.groups)
        kernel = CustomerKernel(
            run_date,
            learned.levels,
            tuple(config.features.optional_families),
            _attributes(lake, config),
            _relative(lake, config, run_date),
            learned.cutoffs,
            learned.rfm_groups,
            model.fitted if model else None,
            Calendar(config.seasons.holidays, config.seasons.holiday_days),
        )
        stage.rows = parts.write(kernel, _PART_COLUMNS, CUSTOMER_FEATURES, publication)
        if not stage.rows:
            raise InputError(f"no event before run date {run_date}; there is nobody to segment")
        # For later features of a few customers, without all the others: streams and services read
        # it.
        path = place(lake.model_path(f"run_date={run_date}")) / learned_name(publication.run_id)
        write_bytes(lake.spark, path, learned.as_json().encode())
        publication.append_to_each({EVENT_SUMMARY: summary_rows(publication, seen.summary)})
        if model:
            day, *of_model = model.row(run_date)
            row = (day, publication.run_id, *of_model)
            publication.append(rows_of([row], CLV_MODELS.schema), CLV_MODELS)
        return stage.rows


def customer_groups(lake: Lake) -> int:
    """Return the number of portions of the lake's customers, by the number of its events."""
    return groups_for(number_of_events(lake))


@dataclass(frozen=True)
class LimitedPortions:
    """Portions with a part of the customers only, for a trial."""

    portions: Portions
    below: int

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        return self.portions.map(Limited(kernel, self.below), columns)

    def write(
        self,
        kernel: Kernel[pa.Table],
        columns: Sequence[str],
        table: Table,
        publication: RunPublication,
    ) -> int:
        return self.portions.write(Limited(kernel, self.below), columns, table, publication)


@dataclass(frozen=True)
class CustomerKernel:
    """Turns a bucket's session parts into rows of `customer_features`."""

    as_of: date
    levels: Levels
    optional: tuple[str, ...]
    attributes: pl.DataFrame | None
    relative: pl.DataFrame | None
    cutoffs: Cutoffs
    rfm_groups: RfmGroups
    clv: FittedModels | None
    calendar: Calendar

    def __call__(self, parts: pa.Table) -> pa.Table:
        features = customer_features(
            parts,
            as_of=self.as_of,
            levels=self.levels,
            optional=self.optional,
            attributes=self.attributes,
            relative=self.relative,
            cutoffs=self.cutoffs,
            rfm_groups=self.rfm_groups,
            calendar=self.calendar,
        )
        if self.clv is None or not len(features):
            return features
        history = purchase_history(pl.DataFrame(pl.from_arrow(_purchases(parts))), as_of=self.as_of)
        return _with_clv(features, clv_columns(history, self.clv))


def _purchases(parts: pa.Table) -> pa.Table:
    return parts.select(["customer_id", "session_date", "purchase_count", "purchase_amount"])


def _with_clv(features: pa.Table, values: pl.DataFrame) -> pa.Table:
    customers = pl.DataFrame({"customer_id": pl.Series(features["customer_id"])})
    joined = customers.join(values, on="customer_id", how="left", maintain_order="left")
    for name in CLV_DOCS:
        at = features.schema.get_field_index(name)
        column = joined[name].to_arrow().cast(pa.float64())
        features = features.set_column(at, features.schema.field(at), column)
    return features


@dataclass(frozen=True)
class _BuyerCounts:
    as_of: date

    def __call__(self, parts: pa.Table) -> pl.DataFrame:
        return value_counts(buyer_values(parts, self.as_of))


def _cutoffs(parts: Portions, run_date: date, rules: RfmRules) -> Cutoffs:
    """Return the cutoffs of the RFM scores: given ones, or else from the values of all buyers."""
    if rules.is_given:
        return rules.cutoffs(Cutoffs())
    counts = parts.map(_BuyerCounts(run_date), _MONEY_COLUMNS)
    of_buyers = score_cutoffs(pl.concat(counts), rules.bins) if counts else Cutoffs()
    return rules.cutoffs(of_buyers)


def _attributes(lake: Lake, config: Config) -> pl.DataFrame | None:
    if DEMOGRAPHICS not in config.features.optional_families:
        return None
    names = ["customer_id", "age", "income", "gender", "education", "occupation"]
    customers = pl.DataFrame(pl.from_arrow(lake.rows(CUSTOMERS, names)))
    return attribute_columns(customers, occupation_shares(occupation_counts(customers)))


@dataclass(frozen=True)
class _ProductSums:
    as_of: date

    def __call__(self, events: pa.Table) -> pl.DataFrame:
        return product_sums(pl.DataFrame(pl.from_arrow(events)), self.as_of)


@dataclass(frozen=True)
class _CustomerSums:
    as_of: date
    tiers: pl.DataFrame

    def __call__(self, events: pa.Table) -> pl.DataFrame:
        return customer_sums(pl.DataFrame(pl.from_arrow(events)), self.tiers, self.as_of)


def _relative(lake: Lake, config: Config, run_date: date) -> pl.DataFrame | None:
    if PRICE_RELATIVE not in config.features.optional_families:
        return None
    slices = event_slices(lake, run_date)
    columns = [
        *("event_date", "customer_id", "event_type"),
        *("product_id", "category_id", "unit_price"),
    ]
    sums = slices.map(_ProductSums(run_date), columns)
    if not sums:
        return None
    tiers = product_tiers(pl.concat(sums))
    return added_customer_sums(pl.concat(slices.map(_CustomerSums(run_date, tiers), columns)))


def _lifetime_values(
    parts: Portions, config: Config, run_date: date, progress: Progress
) -> ClvModel | None:
    if not config.clv.enabled:
        return None
    with progress.stage("customer lifetime value") as stage:
        model = lifetime.fit(parts, run_date, config.clv)
        stage.rows, stage.note = model.buyers, model.why
        return model
