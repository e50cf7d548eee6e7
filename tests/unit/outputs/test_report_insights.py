"""The report's parts on raw events, products and seasons, of literal rows and without Spark."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import python_lake
from python_lake import NOW

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import (
    EVENT_SUMMARY,
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
    SEGMENT_SEASONS,
)
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.outputs import report
from custseg_spark.outputs.report import pages, reading, rhythms, season_maps
from custseg_spark.outputs.report.canvas import png
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import DARK, LIGHT

CONFIG = {
    "model": {"algorithms": ["kmeans"]},
    "affinity": {"window_days": 365, "min_customers": 5, "confidence": 0.95, "basis": "purchases"},
    "seasons": {"enabled": True},
}


def count(kind: str, n: int, **more: Any) -> dict[str, Any]:
    return {"run_date": NOW, "kind": kind, "count": n, **more}


def day_counts(days: int) -> list[dict[str, Any]]:
    first = NOW - timedelta(days=days)
    names = [(first + timedelta(days=n)).isoformat() for n in range(days) if n != 2]
    return [
        count("day", 10 + n % 7, event_type=kind, name=name)
        for kind in ("view", "purchase")
        for n, name in enumerate(names)
    ]


EVENTS = [
    *(count("hour", 5 + hour, event_type="view", name=f"{hour:02}") for hour in range(24)),
    *(count("price", n, event_type="view", lower=p, upper=2 * p) for n, p in ((9, 1.0), (4, 2.0))),
    count("missing", 8, name="brand"),
    count("missing", 0, name="product_id"),
    count("category", 7, name="k1", label="shoes"),
    count("category", 90, name="k2"),
    count("category", 300),
    count("activity", 3, lower=1.0, upper=1.0),
    count("activity", 2, lower=10_001.0),
]  # fmt: skip


def product(segment_id: int, rank: int, **more: Any) -> dict[str, Any]:
    return {
        "run_date": NOW,
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "rank": rank,
        "product_id": f"p{rank}",
        "category_code": "shoes.keds",
        "customers": 900 + rank,
        "segment_buyers": 4_000,
        "all_customers": 1_200,
        "all_buyers": 9_000,
        "support": 0.225,
        "lift": 1.6875,
        "lift_low": 1.62,
        "lift_high": 1.75,
        "bought_together": [],
        **more,
    }


PARTNER = {"product_id": "p9", "customers": 40, "support": 0.125, "lift": 2.0}
PRODUCTS = [
    product(1, 2),
    product(1, 1, bought_together=[PARTNER]),
    product(2, 1, brand="<b>acme"),
    # Their intervals reach down to 1.
    product(2, 2, lift_low=1.0),
    product(2, 3, lift_low=0.4),
]
CATEGORIES = [
    {**product(1, 1), "kind": "category", "name": "k1"},
    {**product(1, 1), "kind": "brand", "name": "acme", "category_code": None},
]


def season(period: str, number: int, index: float, segment_id: int | None) -> dict[str, Any]:
    return {
        "run_date": NOW,
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "period": period,
        "number": number,
        "years": 1 if period == "month" else None,
        "purchases": 10,
        "purchase_index": index,
        "revenue_index": index,
    }


WEEKDAYS = [season("weekday", n, n / 4, s) for n in range(1, 8) for s in (None, 1, 2)]
MONTHS = [season("month", n, n / 6, s) for n in range(1, 13) for s in (None, 1)]


def content_of(root: Path, rows: dict[Table, list[dict[str, Any]]], **config: Any) -> Content:
    """The content of the lake with some more rows, its run configured as told."""
    lake = python_lake.make(root)
    for table, own in rows.items():
        python_lake.add(lake, table, own, "b")
    with pytest.MonkeyPatch.context() as patch:
        plain = LakeReader.rows

        def with_config(self: LakeReader, table: Table, *given: Any, **more: Any) -> Any:
            found = plain(self, table, *given, **more)
            if table != RUNS or "config" not in found.column_names:
                return found
            place = found.column_names.index("config")
            text = json.dumps(CONFIG | config)
            return found.set_column(place, RUNS.schema.field("config"), [[text] * len(found)])

        patch.setattr(LakeReader, "rows", with_config)
        reader = LakeReader(root).at_one_moment()
        return reading.content(reader, NOW, reader.map_files)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    rows = {
        EVENT_SUMMARY: [*day_counts(60), *EVENTS],
        SEGMENT_PRODUCTS: PRODUCTS,
        SEGMENT_CATEGORIES: CATEGORIES,
        SEGMENT_SEASONS: [*WEEKDAYS, *MONTHS],
    }
    return report.files(content_of(tmp_path_factory.mktemp("insights") / "lake", rows))


def pages_of(
    root: Path, rows: dict[Table, list[dict[str, Any]]], **config: Any
) -> dict[str, bytes]:
    """The report's text without its pictures."""
    return {report.MARKDOWN: pages.markdown(content_of(root, rows, **config), {}).encode()}


def section(files: dict[str, bytes], title: str) -> str:
    """A section's Markdown."""
    text = files[report.MARKDOWN].decode()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def cells(files: dict[str, bytes], title: str, caption: str) -> list[list[str]]:
    """The rows of one of a section's tables, without its head."""
    lines = section(files, title).split(f"{caption}:")[1].split("\n\n")
    rows = [line for line in "\n".join(lines).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("| ").split("|")] for row in rows[2:]]


def test_the_report_opens_with_the_events(files: dict[str, bytes]) -> None:
    titles = re.findall(r"^## (.+)$", files[report.MARKDOWN].decode(), re.M)
    assert titles[:3] == ["The segments", "The events", "Sizes"]
    events = section(files, "The events")
    first = NOW - timedelta(days=60)
    assert f"60 days, from {first} to {NOW - timedelta(days=1)}; 1 day without an event" in events
    assert "raw_events.png" in events
    assert len(files["raw_events.png"]) > 10_000
    total = 2 * sum(10 + n % 7 for n in range(59))
    by_type = cells(files, "The events", "Events by type")[:2]
    assert by_type == [["view", str(total // 2), "50.0 %"], ["purchase", str(total // 2), "50.0 %"]]
    assert cells(files, "The events", "Events without a value")[0][:2] == ["brand", "8"]
    largest = cells(files, "The events", "Largest categories")
    assert [row[:2] for row in largest] == [["k2", "90"], ["shoes", "7"]]


def test_products_are_listed_by_segment_in_their_order(files: dict[str, bytes]) -> None:
    rows = cells(files, "What they buy", "Products")
    rows = rows[: next(n for n, row in enumerate(rows) if len(row) != len(rows[0]))]
    assert [row[:3] for row in rows] == [
        ["High-Value", "p1", "shoes.keds"],
        ["High-Value", "p2", "shoes.keds"],
        ["Window Shoppers", "p1", "shoes.keds"],
    ]
    assert rows[0][4:] == ["901", "22.5 %", "1.69 (1.62 to 1.75)", "p9 (12.5 %)"]
    assert rows[2][3] == r"\<b\>acme"
    # A category by its code, a brand by its name.
    assert cells(files, "What they buy", "Categories")[0][:2] == ["High-Value", "shoes.keds"]
    assert cells(files, "What they buy", "Brands")[0][:2] == ["High-Value", "acme"]
    assert "<b>acme" not in files[report.HTML].decode()


def test_seasons_have_a_row_for_everybody_and_each_segment(files: dict[str, bytes]) -> None:
    text = section(files, "When they buy")
    assert "1 whole year before the run date" in text
    rows = cells(files, "When they buy", "Purchases by month")[:3]
    assert [row[0] for row in rows] == ["everybody", "High-Value", "Window Shoppers"]
    assert rows[0][1:] == [*(f"{n / 6:.2f}" for n in range(1, 6)), *rows[0][6:]]
    assert rows[2][1:] == ["–"] * 12
    weekdays = cells(files, "When they buy", "Purchases by weekday")
    assert weekdays[1][1:4] == ["0.25", "0.50", "0.75"]


def test_seasons_have_a_picture_in_the_report(files: dict[str, bytes]) -> None:
    assert "season_indices.png" in section(files, "When they buy")
    assert len(files["season_indices.png"]) > 10_000
    assert "highest is Dec, 2.00" in files[report.HTML].decode()


def test_what_may_be_chance_marks_no_segment(tmp_path: Path) -> None:
    rows = [product(1, 1), product(2, 1, lift_low=1.0)]
    told = pages_of(tmp_path / "lake", {SEGMENT_PRODUCTS: rows})
    listed = cells(told, "What they buy", "Products")
    assert [row[:2] for row in listed] == [["High-Value", "p1"]]
    assert "No product marks Window Shoppers" in section(told, "What they buy")


def test_a_run_of_an_older_version_is_said(tmp_path: Path) -> None:
    old = pages_of(tmp_path / "lake", {}, affinity=None, seasons=None)
    assert "older version" in section(old, "What they buy")
    assert "older version" in section(old, "When they buy")


@pytest.mark.parametrize("segments", [1, 12])
def test_seasons_of_any_number_of_segments_are_drawn(tmp_path: Path, segments: int) -> None:
    content = content_of(tmp_path / "lake", {SEGMENT_SEASONS: [*WEEKDAYS, *MONTHS]})
    [first, *_] = content.segments
    more = [replace(first, segment_id=n) for n in range(1, segments + 1)]
    figure = season_maps.indices(replace(content, all_segments=more), DARK)
    assert figure is not None
    # Months and weekdays, in as many panels as names fit side by side, and the colours.
    assert len(figure.axes) == 2 * (1 if segments == 1 else 2) + 1
    assert len(png(figure)) > 10_000


def test_a_short_log_is_said_and_what_isnt_there_as_well(tmp_path: Path) -> None:
    short = pages_of(tmp_path / "short", {SEGMENT_SEASONS: WEEKDAYS})
    assert "shorter than a year" in section(short, "When they buy")
    assert "no counts of events" in section(short, "The events")
    assert "(5, affinity.min\\_customers)" in section(short, "What they buy")
    assert rhythms.events(content_of(tmp_path / "none", {}), LIGHT) is None
    off = pages_of(tmp_path / "off", {}, affinity={"enabled": False}, seasons={"enabled": False})
    assert "made no lists of products" in section(off, "What they buy")
    assert "made no indices" in section(off, "When they buy")


@pytest.mark.parametrize("days", [1, 199, 1_000, 6_000])
def test_a_log_of_any_length_is_drawn(tmp_path: Path, days: int) -> None:
    content = content_of(tmp_path / "lake", {EVENT_SUMMARY: [*day_counts(days), *EVENTS]})
    figure = rhythms.events(content, LIGHT)
    assert figure is not None
    assert len(png(figure)) > 10_000
