"""From lines to features by the kernels alone, as tasks run them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import oracle
import polars as pl
import pyarrow as pa
from random_logs import END, HEADER, MAPPING, Log, log_file

from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.text import csv_records
from custseg_spark.core.events.validation import ValidatedEvents, validate_events
from custseg_spark.core.features import price_relative
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.features.scores import buyer_values, score_cutoffs, value_counts
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.core.sessions.buckets import customer_bucket, group_bounds
from custseg_spark.core.sessions.gaps import chain, gap_edges
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.core.sessions.parts import session_parts

AS_OF = END.date()
LATEST = datetime(2030, 1, 1, tzinfo=UTC)
BY = SourceMapping("random", **MAPPING)


def validated(lines: Sequence[str], partitions: int) -> list[ValidatedEvents]:
    """A stretch of the lines each."""
    bounds = [len(lines) * n // partitions for n in range(partitions + 1)]
    found = []
    for start, end in pairwise(bounds):
        content = log_file(lines[start:end])
        records = csv_records(content, HEADER, delimiter=",", first_row=1, header_row=1)
        found.append(
            validate_events(records, BY, source_file="log.csv", file_id="f", latest=LATEST)
        )
    return found


def without_copies(found: Sequence[ValidatedEvents]) -> dict[Any, pl.DataFrame]:
    """The events by date, each there once."""
    ids = [pl.DataFrame({"high": v.id_high, "low": v.id_low}) for v in found]
    rows = pl.concat([v.events for v in found]).hstack(pl.concat(ids))
    days: dict[Any, pl.DataFrame] = {}
    for (day,), own in rows.group_by("event_date", maintain_order=True):
        is_copy = repeated(own["high"].to_numpy(), own["low"].to_numpy())
        days[day] = own.filter(pl.Series(~is_copy)).drop("high", "low")
    return days


def in_buckets(rows: pl.DataFrame, groups: int) -> list[pl.DataFrame]:
    """The rows by bucket of customers."""
    bucket = customer_bucket(rows["customer_id"])
    bounds = group_bounds(groups).tolist()
    return [rows.filter(bucket.is_between(low, high - 1)) for low, high in pairwise(bounds)]


def parts_of(days: dict[Any, pl.DataFrame], partitions: int) -> list[pa.Table]:
    """The session parts of each bucket of customers, over all dates."""
    tasks = {day: in_buckets(events, partitions) for day, events in days.items()}
    edges = {day: pl.concat(map(gap_edges, slices)) for day, slices in tasks.items()}
    carried = chain(dict(sorted(edges.items())))
    of_bucket: list[list[pa.Table]] = [[] for _ in range(partitions)]
    for day, slices in tasks.items():
        for number, events in enumerate(slices):
            if len(events):
                parts = session_parts(events, carried=carried[day])
                dates = pa.repeat(pa.scalar(day, pa.date32()), len(parts))
                of_bucket[number].append(parts.append_column("session_date", dates))
    return [pa.concat_tables(tables) for tables in of_bucket if tables]


def relative_of(slices: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The sums of the family `price_relative`."""
    products = pl.concat(price_relative.product_sums(events, AS_OF) for events in slices)
    tiers = price_relative.product_tiers(products)
    customers = [price_relative.customer_sums(events, tiers, AS_OF) for events in slices]
    return price_relative.added_customer_sums(pl.concat(customers))


def features_by_kernels(days: dict[Any, pl.DataFrame], partitions: int) -> pa.Table:
    """The features of all customers, sorted by customer."""
    events = pl.concat(days.values())
    slices = list(events.iter_slices(-(-len(events) // partitions)))
    before = [part.filter(pl.col("event_date") < AS_OF) for part in slices]
    levels = Levels(*price_levels(pl.concat(map(category_sums, before))))
    relative = relative_of(slices)
    of_bucket = parts_of(days, partitions)
    cutoffs = score_cutoffs(
        pl.concat(value_counts(buyer_values(parts, AS_OF)) for parts in of_bucket)
    )
    tables = [
        customer_features(
            parts,
            as_of=AS_OF,
            levels=levels,
            optional=[price_relative.PRICE_RELATIVE],
            relative=relative,
            cutoffs=cutoffs,
        )
        for parts in of_bucket
    ]
    return pa.concat_tables(tables).combine_chunks().sort_by("customer_id")


def run(log: Log, partitions: int) -> pa.Table:
    found = validated(log.lines, partitions)
    days = without_copies(found)
    assert sum(len(v.rejected) for v in found) == log.refused
    assert sum(map(len, days.values())) == len(log.events)
    return features_by_kernels(days, partitions)


def expected(log: Log) -> dict[str, dict[str, Any]]:
    features = oracle.customer_features(log.events, AS_OF)
    for customer, values in oracle.price_relative(log.events, AS_OF).items():
        features[customer] |= values
    return features
