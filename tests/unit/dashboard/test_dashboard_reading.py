"""What pages read of a lake, compared with its literal rows."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from dashboard_lake import CUSTOMERS, MARKUP
from python_lake import BEFORE, NOW

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, REJECTED_EVENTS
from custseg_spark.errors import InputError
from custseg_spark.interfaces.dashboard import settings
from custseg_spark.interfaces.dashboard.figures import standing
from custseg_spark.interfaces.dashboard.lake import open_lake, version_of
from custseg_spark.interfaces.dashboard.reading import arrivals, customers, movements, scores
from custseg_spark.interfaces.dashboard.reading.refusals import refusals
from custseg_spark.interfaces.dashboard.reading.runs import content_of, run_choices
from custseg_spark.interfaces.dashboard.settings import Settings
from custseg_spark.interfaces.dashboard.texts import plain


@pytest.fixture(scope="module")
def lake(shown_lake: Path) -> LakeReader:
    settings.use(Settings(shown_lake))
    return open_lake()


def test_runs_come_the_latest_first(lake: LakeReader) -> None:
    assert [choice.run_date for choice in run_choices(lake)] == [NOW, BEFORE]
    assert list(run_choices(lake)[0].algorithms) == ["kmeans"]


def test_flows_are_those_of_the_customers(lake: LakeReader) -> None:
    moved: dict[tuple[int | None, int | None], int] = {}
    for both in CUSTOMERS.values():
        moved[both] = moved.get(both, 0) + 1
    rows = movements.flows_between(lake, BEFORE, NOW, "kmeans")
    assert {(a, b): n for a, b, n in rows.iter_rows()} == moved


def test_sizes_over_time_have_a_row_a_living_segment(lake: LakeReader) -> None:
    rows = movements.sizes_over_time(lake, "kmeans")
    assert rows.select("run_date", "segment_id", "customers").rows() == [
        (BEFORE, 1, 2),
        (BEFORE, 2, 3),
        (NOW, 1, 2),
        (NOW, 2, 3),
    ]


def test_distributions_count_buyers_by_bin(lake: LakeReader) -> None:
    rows = scores.distributions(lake, NOW, "kmeans")
    orders = rows.filter(pl.col("feature") == "frequency")
    # Three orders: the third of the bins up to 1, 2, 3, 5 …
    assert orders.select("segment_id", "bin", "customers").rows() == [(1, 2, 2), (2, 2, 1)]
    spend = rows.filter((pl.col("feature") == "monetary") & (pl.col("segment_id") == 2))
    assert spend.select("bin", "customers").rows() == [(1, 1)]


def test_a_value_on_a_bound_is_in_the_bin_below() -> None:
    features = pl.DataFrame({"customer_id": ["a", "b"], "recency_days": [7.0, 7.1],
                             "frequency": [1.0, 60.0], "monetary": [-1.0, None]})  # fmt: skip
    segments = pl.DataFrame({"customer_id": ["a", "b"], "segment_id": [1, 1]})
    rows = scores.binned(segments, features).sort("feature", "bin")
    assert rows.select("feature", "bin", "customers").rows() == [
        ("frequency", 0, 1),
        ("frequency", 7, 1),
        ("monetary", 0, 1),
        ("recency_days", 0, 1),
        ("recency_days", 1, 1),
    ]


def test_refusals_are_counted_by_reason_with_the_first_as_examples(lake: LakeReader) -> None:
    found = refusals(lake, version_of(lake, REJECTED_EVENTS))
    assert found.counts.rows() == [
        ("invalid_price", "unit_price", 2),
        ("missing_customer", "customer_id", 1),
    ]
    assert found.examples.select("code", "source_row", "value").rows() == [
        ("invalid_price", 7, "free"),
        ("invalid_price", 9, "=9"),
        ("missing_customer", 8, ""),
    ]


def test_late_events_are_those_that_came_after_their_run(lake: LakeReader) -> None:
    files = arrivals.ledger(lake, version_of(lake, INGEST_FILES))
    counts = arrivals.events_by_file(lake, version_of(lake, EVENTS))
    assert counts.rows() == [
        (date(2024, 4, 3), "f1", 2),
        (date(2024, 4, 5), "f1", 1),
        (date(2024, 4, 5), "f2", 1),
        (date(2024, 5, 1), "f2", 1),
    ]
    late = arrivals.late_events(lake, files, counts)
    assert late.select("run_date", "source_file", "events").rows() == [(NOW, "late.csv", 1)]
    days = arrivals.days_of(counts).filter(pl.col("event_date") <= date(2024, 4, 5))
    assert days["events"].to_list() == [2, 0, 2]


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("51234567", ["512345678", "512345679"]),
        ("521345678", ["512345678"]),
        ("512345670", ["512345678", "512345679", "612345670"]),
        ("5123456789", ["512345678", "512345679"]),
        ("GONE", []),
        ("nobody", []),
        ("9" * 500, []),
    ],
)
def test_ids_one_slip_away_are_found(lake: LakeReader, typed: str, near: list[str]) -> None:
    assert customers.near_ids(lake, NOW, typed) == near


def test_a_customer_of_the_run_is_explained_and_no_other(lake: LakeReader) -> None:
    found = customers.explained(lake, NOW, "kmeans", "512345679")
    assert found is not None
    assert (found.segment_id, found.history["segment_id"].to_list()) == (1, [2, 1])
    assert customers.explained(lake, NOW, "kmeans", "gone") is None
    assert customers.explained(lake, NOW, "kmeans", MARKUP) is not None


def test_mean_and_spread_follow_from_two_segments(lake: LakeReader) -> None:
    content = content_of(lake, NOW, "kmeans")
    # Means 800 and 0.25 are 1.25 standard deviations above and below that of all.
    assert standing.mean_and_spread(content, "monetary") == pytest.approx((400.125, 319.9))
    assert standing.mean_and_spread(content, "nothing") is None


def test_markup_is_shown_as_it_is() -> None:
    assert plain("_a_ b_c *c* $d$ :red[e] <f>\n#g") == (
        r"\_a\_ b_c \*c\* \$d\$ \:red\[e\] \<f\> \#g"
    )


def test_a_place_without_a_lake_is_told(tmp_path: Path) -> None:
    settings.use(Settings(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="the folder doesn't exist"):
        open_lake()
    settings.use(Settings(tmp_path))
    with pytest.raises(InputError, match="none of its tables is there"):
        open_lake()
