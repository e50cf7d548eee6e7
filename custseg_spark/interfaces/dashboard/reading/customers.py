"""One customer: the explanation of the segment; and ids near a mistyped one."""

from collections.abc import Iterator
from datetime import date
from functools import partial

import polars as pl
import pyarrow as pa

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS
from custseg_spark.interfaces.dashboard.lake import cached
from custseg_spark.interfaces.dashboard.reading.points import points_of
from custseg_spark.interfaces.dashboard.reading.runs import content_of
from custseg_spark.outputs import explanations
from custseg_spark.outputs.explanations import Explanation, OneRun

# Longer texts are no ids; the number of comparisons grows with the length.
LONGEST_ID = 200
_MOST_NEAR = 6
_DIGITS = "0123456789"


@cached(64, "Looking for the customer …")
def explained(
    lake: LakeReader, run_date: date, algorithm: str, customer_id: str
) -> Explanation | None:
    """Explain a customer's segment; None for a customer who isn't in the run."""
    rows = lake.rows_of_customer(CUSTOMER_SEGMENTS, customer_id, run_date)
    if algorithm not in rows["algorithm"].to_pylist():
        return None
    features = content_of(lake, run_date, algorithm).run.features
    run = OneRun(lake, str(lake.root), run_date, algorithm, features)
    return explanations.explain(run, customer_id)


@cached(64, "Looking for ids like it …")
def near_ids(lake: LakeReader, run_date: date, typed: str) -> list[str]:
    """Return a few ids of the run that differ by one character, or by two swapped neighbours."""
    if len(typed) > LONGEST_ID:
        return []
    variants = pl.Series("customer_id", sorted(set(_variants(typed))), pl.String)
    of_file = partial(_those_in, variants)
    parts = lake.map_files(CUSTOMER_SEGMENTS, run_date, of_file, ["customer_id"])
    near = pl.concat([pl.Series([], dtype=pl.String), *parts]).unique().sort()
    return near[:_MOST_NEAR].to_list()


def _those_in(variants: pl.Series, rows: pa.Table) -> pl.Series:
    ids = pl.Series("", pl.from_arrow(rows["customer_id"]), pl.String)
    return ids.filter(ids.is_in(variants.implode())).unique()


def _variants(typed: str) -> Iterator[str]:
    """Return the texts that differ from the typed one by one mistake."""
    letters = sorted({*_DIGITS, *typed, *typed.upper(), *typed.lower()})
    yield from (typed.strip(), typed.upper(), typed.lower())
    for place in range(len(typed) + 1):
        before, after = typed[:place], typed[place:]
        yield from (before + letter + after for letter in letters)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


@cached(8, "Reading some ids …")
def some_ids(lake: LakeReader, run_date: date) -> list[str]:
    """Return a few ids of the run as examples."""
    algorithms = content_of(lake, run_date, None).algorithms
    if not algorithms:
        return []
    return points_of(lake, run_date, algorithms[0])["customer_id"].to_list()[:3]
