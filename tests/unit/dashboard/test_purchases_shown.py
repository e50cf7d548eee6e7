"""What the page on purchases reads and draws, compared with the lake's literal rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from dashboard_lake import MARKUP
from python_lake import BEFORE, NOW

from custseg_spark.core.insights.seasons import MONTH, WEEK, WEEKDAY
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.interfaces.dashboard import settings
from custseg_spark.interfaces.dashboard.figures import affinity, seasons
from custseg_spark.interfaces.dashboard.figures.base import Look
from custseg_spark.interfaces.dashboard.lake import open_lake
from custseg_spark.interfaces.dashboard.reading.purchases import (
    listed_rows,
    partner_rows,
    season_rows,
)
from custseg_spark.interfaces.dashboard.reading.runs import content_of
from custseg_spark.interfaces.dashboard.settings import Settings
from custseg_spark.outputs.report import affinity as lists
from custseg_spark.outputs.report import seasons as indices
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import LIGHT

COLOURS = ((0.0, "#0000ff"), (1.0, "#ff0000"))
LOOK = Look(LIGHT, COLOURS, COLOURS, None, False)


@pytest.fixture(scope="module")
def lake(shown_lake: Path) -> LakeReader:
    settings.use(Settings(shown_lake))
    return open_lake()


@pytest.fixture(scope="module")
def content(lake: LakeReader) -> Content:
    return content_of(lake, NOW, "kmeans")


def trace(figure: Any, name: str) -> Any:
    return next(one for one in figure.data if one.name == name)


def test_products_are_listed_with_shares_and_intervals(content: Content) -> None:
    rows = listed_rows(content.listed(2, "product"), "product").rows(named=True)
    assert [row["product"] for row in rows] == ["p1", MARKUP]
    assert rows[0] == {
        "product": "p1",
        "category": "shoes",
        "brand": None,
        "customers": 2,
        "share": 0.6667,
        "share of all": 0.4,
        "lift": 1.6667,
        "from": 1.25,
        "to": 2.5,
        "may be chance": False,
    }
    assert rows[1]["may be chance"] is True
    [category] = listed_rows(content.listed(2, "category"), "category").rows(named=True)
    assert (category["category"], category["id"]) == ("shoes", "k1")
    [brand] = listed_rows(content.listed(2, "brand"), "brand").rows(named=True)
    assert brand["brand"] == "acme"


def test_a_log_without_categories_or_brands_has_no_column_of_them(content: Content) -> None:
    [first, second] = content.listed(2, "product")
    assert "brand" not in listed_rows([first], "product").columns
    assert "category" not in listed_rows([second], "product").columns


def test_what_is_bought_together_has_a_row_a_pair(content: Content) -> None:
    listed = content.listed(2, "product")
    assert partner_rows(listed).rows() == [("p1", "p9", 2, 1.0, 1.5, 0.9, None)]
    assert partner_rows(listed[1:]).rows() == []


def test_intervals_that_reach_down_to_1_are_told_apart(content: Content) -> None:
    figure = affinity.lifts(content.listed(2, "product"), "#123456")
    marks, chance = trace(figure, affinity.MARKS), trace(figure, affinity.CHANCE)
    assert (marks.y, chance.y) == ((0,), (1,))
    assert marks.marker.color == "#123456" != chance.marker.color
    [below], [above] = marks.error_x.arrayminus, marks.error_x.array
    assert (below, above) == pytest.approx((1.6667 - 1.25, 2.5 - 1.6667))
    # Markup is text, whole or cut.
    assert figure.layout.yaxis.ticktext == ("p1", "&lt;img src=x…")
    assert "<img" not in str(figure)


def test_months_are_drawn_by_segment_everybody_first(content: Content) -> None:
    figure = seasons.heat_map(content, MONTH, "purchase_index", LOOK)
    [heat] = figure.data
    assert figure.layout.xaxis.ticktext == ("everybody", "Window Shoppers", "High-Value")
    assert (heat.y[-1], heat.y[0]) == ("Jan", "Dec")
    # Powers of two: a quarter is as far below as colours go, four quarters are usual.
    assert [heat.z[-1][0], heat.z[-4][0], heat.z[0][0]] == [-1.0, 0.0, 1.0]
    assert heat.text[-1][0] == "0.25"
    revenue = seasons.heat_map(content, MONTH, "revenue_index", LOOK).data[0]
    assert {text for row in revenue.text for text in row} == {"1.50"}


def test_a_segment_without_an_index_has_an_empty_column(content: Content) -> None:
    heat = seasons.heat_map(content, WEEKDAY, "purchase_index", LOOK).data[0]
    assert {row[2] for row in heat.z} == {None}
    assert {row[2] for row in heat.text} == {"–"}


@pytest.mark.parametrize(
    ("segment_id", "lines"), [(None, ["everybody"]), (2, ["everybody", "Window Shoppers"])]
)
def test_weeks_are_lines(content: Content, segment_id: int | None, lines: Sequence[str]) -> None:
    figure = seasons.weeks(content, segment_id, "purchase_index", LOOK)
    assert [one.name for one in figure.data] == lines
    assert figure.data[-1].x == tuple(range(1, 54))
    assert figure.data[-1].y == tuple(n / 4 for n in range(1, 54))


def test_seasons_are_a_table_by_segment_and_number(content: Content) -> None:
    rows = season_rows(content, MONTH)
    assert rows["segment"].unique(maintain_order=True).to_list() == [
        "everybody",
        "Window Shoppers",
        "High-Value",
    ]
    assert rows.row(11) == ("everybody", "Dec", 2, 62, 120, 12.5, 3.0, 1.5)
    weeks = season_rows(content, WEEK)
    assert (weeks["week"][52], len(weeks)) == ("week 53", 106)


def test_a_run_without_these_tables_says_so(lake: LakeReader) -> None:
    old = content_of(lake, BEFORE, "kmeans")
    assert (old.affinities, old.seasons) == ([], [])
    assert "older version" in lists.nothing(old)
    assert "older version" in indices.nothing(old)
