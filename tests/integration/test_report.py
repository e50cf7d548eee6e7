"""The report of a run: what it says of literal tables, in each of its files."""

import csv
import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from checkout import job
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.settings import Config, LakeConfig, ReportConfig
from custseg_spark.core.features.registry import all_features
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import EVENT_SUMMARY
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_SEGMENTS,
    FEATURE_DRIFT,
    INGEST_FILES,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)
from custseg_spark.errors import InputError
from custseg_spark.outputs import report
from custseg_spark.outputs.report import words

FIRST, SECOND, BARE = date(2019, 10, 1), date(2019, 11, 1), date(2019, 12, 1)
EVIL = "<script>alert(1)</script> | *Loyal*"
NONE_QUALIFIES = "kmeans: no k qualifies; the best of them is used"
MODEL = {"algorithms": ["kmeans", "bisecting_kmeans"], "outlier_percentile": 99.5}
CONFIG: dict[str, Any] = {"model": {**MODEL, "stability": {"minimum": 0.75}}}
CONFIG |= {"drift": {"watch": 0.1, "refit": 0.25}}
PICTURES = {
    "raw_events.png",
    "cluster_distribution.png",
    "cluster_profiles.png",
    "pca_clusters_2d.png",
    "k_selection.png",
    "rfm_heat_map.png",
    "migration_flow.png",
    "drift.png",
    "lifetime_value.png",
}
PAGES = {"cluster_report.md", "cluster_report.html", "cluster_selection_comparison.csv"}

Row = Mapping[str, Any]


Tables = Mapping[Table, Sequence[Row]]


def write(lake: Lake, runs: Mapping[date, Tables]) -> None:
    """Rows of run dates by column, the columns that aren't named null."""
    for table in {table for tables in runs.values() for table in tables}:
        names = table.schema.names
        rows = [
            tuple({"run_id": "r1", **row, "run_date": day}.get(name) for name in names)
            for day, tables in runs.items()
            for row in tables.get(table, ())
        ]
        lake.appender([table]).append(rows_of(rows, table.schema), table)


def run_row(**more: Any) -> Row:
    return {
        "run_id": "r1",
        "model_use": "fit",
        "model_reason": "there is no earlier model",
        "config": json.dumps(CONFIG),
        "config_hash": "abc",
        "seed": 7,
        "finished_at": datetime(2019, 11, 1, 2, 3, 4),
        "features": ["frequency", "monetary", "bounce_rate"],
        "stage_seconds": {"fit models": 75.0},
        **more,
    }


def profile(segment_id: int, name: str, customers: int, **more: Any) -> Row:
    values = {"frequency": (3.25, 2.0, 1.6), "monetary": (1234567.0, 90.0, -0.4)}
    return {
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "segment_name": name,
        "customers": customers,
        "customer_share": customers / 146_000,
        "revenue": Decimal(0),
        "revenue_share": 0.0,
        "evidence": [("frequency", 1.6), ("monetary", -0.4)],
        "actions": [f"Write to {segment_id} by hand."],
        "status": "continued",
        "features": {**values, "bounce_rate": (None, None, None)},
        **more,
    }


def first_run() -> Tables:
    """One segment, no revenue, no index measured."""
    tried = {"algorithm": "kmeans", "k": 2, "silhouette": float("nan"), "chosen": True}
    return {
        SEGMENT_PROFILES: [profile(1, "Everybody", 12)],
        MODEL_SELECTION: [{**tried, "why": "k was given"}],
        RUNS: [run_row()],
    }


def second_run() -> Tables:
    """Three segments: one merged, one split off, one gone; all tables filled."""
    warnings = [NONE_QUALIFIES, "1 of 3 features drifted"]
    return {
        SEGMENT_PROFILES: [*segments(), *branches()],
        MODEL_SELECTION: tried(),
        SEGMENT_MIGRATIONS: [
            flow(1, 1, 90_000),
            flow(1, 4, 2_000),
            flow(2, 2, 8_000),
            flow(3, 2, 900),
            flow(2, None, 77),
            flow(None, 1, 30_000),
        ],
        FEATURE_DRIFT: [
            drift("frequency", 0.31, "refit"),
            drift("monetary", 0.05, "same"),
            drift("kmeans", 0.12, "watch", kind="segments"),
        ],
        SEGMENT_POINTS: [point(n) for n in range(60)],
        CUSTOMER_SEGMENTS: [scored(n, *SCORES[n % 3]) for n in range(12)],
        CLV_MODELS: [CLV],
        EVENT_SUMMARY: [
            {"kind": "day", "event_type": kind, "name": f"2019-10-0{day}", "count": 10 * day}
            for kind in ("view", "purchase")
            for day in (1, 2, 3)
        ],
        RUNS: [run_row(previous_run_date=FIRST, warnings=warnings)],
    }


def segments() -> list[Row]:
    gain, loss = Decimal("1500000.5"), Decimal(-100_000)
    merged = {"status": "merged", "related_segments": [2, 3]}
    split = {"status": "split", "related_segments": [1], "stability": "unstable"}
    died = {"status": "died", "related_segments": [2], "features": None}
    return [
        profile(1, "Window Shoppers", 120_000, jaccard=0.91),
        profile(2, EVIL, 24_000, revenue=gain, revenue_share=1.0714, **merged),
        profile(4, "New", 2_000, revenue=loss, revenue_share=-0.0714, **split),
        profile(3, "Bargain Hunters", 0, **died),
    ]


def branches() -> list[Row]:
    """A tree as MLlib numbers it: leaves from 0 up, inner nodes from -1 down."""
    hung = {"algorithm": "bisecting_kmeans"}
    return [
        profile(1 + leaf, f"Branch {leaf}", 48_000, tree_node=leaf, tree_parent=parent, **hung)
        for leaf, parent in enumerate((-2, -2, -1))
    ]


def tried() -> list[Row]:
    rows: list[Row] = [
        {
            "algorithm": algorithm,
            "k": k,
            "silhouette": 0.1 + k / 100,
            "davies_bouldin": 1.5,
            "within_cluster_cost": 1e6 / k,
            "smallest_share": 0.2,
            "stability": 0.8 if k == 3 else None,
            "customers": 146_000,
            "chosen": k == 3,
            "why": "highest silhouette" if k == 3 else "silhouette below 0.130 at k = 3",
        }
        for algorithm in ("kmeans", "bisecting_kmeans")
        for k in (2, 3, 4)
    ]
    compared = {"algorithm": "dbscan", "k": 5, "agreement": 0.41, "chosen": False}
    return [*rows, {**compared, "why": "12% noise"}]


def flow(source: int | None, target: int | None, customers: int) -> Row:
    moved = {"from_segment_id": source, "to_segment_id": target, "customers": customers}
    return {"algorithm": "kmeans", "previous_run_date": FIRST, **moved}


def drift(name: str, psi: float, verdict: str, kind: str = "feature") -> Row:
    found = {"kind": kind, "name": name, "psi": psi, "verdict": verdict}
    return {**found, "previous_run_date": FIRST, "bins": [(1.0, 0.5, 0.3), (None, 0.5, 0.7)]}


def point(n: int) -> Row:
    place = {"x": n / 10, "y": float(n % 7), "x_variance": 0.25, "y_variance": 0.125}
    mine = {"customer_id": f"c{n}", "segment_id": (1, 2, 4)[n % 3]}
    return {"algorithm": "kmeans", **mine, **place}


def scored(n: int, score: int, group: str) -> Row:
    scores = {"rfm_r": score, "rfm_f": score, "rfm_m": score, "rfm_group": group}
    # Two customers with little spend, one with many orders; the oddest feature counts.
    odd = {0: [("monetary", -3.0), ("frequency", 2.0)], 3: [("monetary", -4.0)]}
    odd[6] = [("frequency", 5.0)]
    outlier = {"is_outlier": n in odd, "oddities": odd.get(n)}
    return {"algorithm": "kmeans", "customer_id": f"c{n}", "segment_id": 1, **scores, **outlier}


SCORES = ((0, "Prospects"), (5, "Champions"), (1, "Dormant"))
CLV: Row = {
    "buyers": 26_000,
    "repeat_buyers": 4_321,
    "converged": True,
    "r": 0.2426,
    "holdout_days": 90,
    "calibration": [(0, 20_000, 0.1, 0.12), (7, 300, 2.5, 2.25)],
    "gini": 0.713,
    "deciles": [(1, 2_600, 0.415, 0.45), (2, 2_600, 0.2, 0.19)],
}
LEDGER: Sequence[Row] = (
    {
        "file_id": "a",
        "physical_records": 1_000_002,
        "header": 1,
        "blank": 1,
        "accepted": 980_000,
        "rejected": 19_000,
        "ignored": 0,
        "duplicates": 1_000,
        "rounded": 5,
    },
    {"file_id": "b", "skipped_because": "not text", "physical_records": 9},
)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("report") / "lake")))
    bare = {RUNS: [run_row(model_use="score", fitted_on=SECOND, config=None)]}
    runs = {FIRST: first_run(), SECOND: {**second_run(), INGEST_FILES: LEDGER}, BARE: bare}
    lake.create(list(runs[SECOND]))
    write(lake, runs)
    return lake


@pytest.fixture(scope="module")
def reports(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of the three runs."""
    folder = tmp_path_factory.mktemp("reports")
    for day in (FIRST, SECOND, BARE):
        report.write(lake, day, folder)
    return folder


@pytest.fixture(scope="module")
def text(reports: Path) -> Callable[[date, str], str]:
    """A page's text: Markdown without its backslashes, HTML as a browser reads it."""

    def read(day: date, kind: str) -> str:
        page = (reports / str(day) / f"cluster_report.{kind}").read_text(encoding="utf-8")
        return re.sub(r"\\(?=\W|_)", "", page) if kind == "md" else Reader.read(page)

    return read


class Reader(HTMLParser):
    """A page's visible text; fails where tags don't close as they opened."""

    EMPTY = ("meta", "img", "source")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    @classmethod
    def read(cls, page: str) -> str:
        reader = cls()
        reader.feed(page)
        assert reader.open == []
        return " ".join("".join(reader.words).split())

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def both(text: Callable[[date, str], str], day: date) -> tuple[str, str]:
    return text(day, "md"), text(day, "html")


def test_a_full_run_has_every_file(reports: Path) -> None:
    assert {p.name for p in (reports / "2019-11-01").iterdir()} == PICTURES | PAGES


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_pictures_are_png_of_the_standard_width(reports: Path, name: str) -> None:
    data = (reports / "2019-11-01" / name).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width == 832
    assert 300 < height < 2_000
    assert len(data) > 8_000
    assert b"tIME" not in data
    assert b"matplotlib" not in data


def test_the_html_refers_to_nothing_outside(reports: Path) -> None:
    page = (reports / "2019-11-01" / "cluster_report.html").read_text(encoding="utf-8")
    targets = re.findall(r'(?:src|srcset|href|action)="([^"]{0,22})', page)
    assert len(targets) > 2 * len(PICTURES)
    assert all(t.startswith(("data:image/png;base64,", "#")) for t in targets)
    assert not re.search(r"https?://|<script|@import|url\(", page)
    for picture in re.findall(r"<img[^>]*", page):
        assert re.search(r'alt="[^"]{20,}', picture)


def test_the_first_screen_has_each_segment(text: Callable[[date, str], str]) -> None:
    for page in both(text, SECOND):
        cards = page.split("Sizes")[0]
        for name in ("Window Shoppers", "New"):
            assert name in cards
        for number in ("120,000", "24,000", "2,000", "82.2 %", "16.4 %", "107.1 %", "−7.1 %"):
            assert number in cards
        for segment_id in (1, 2, 4):
            assert f"Write to {segment_id} by hand." in cards
        assert "orders well above average (z +1.6)" in cards
        assert "net spend slightly below average (z −0.4)" in cards
        assert "Write to 3 by hand." not in page


def test_the_first_screen_has_the_reason_for_k_and_the_ledger(
    text: Callable[[date, str], str],
) -> None:
    for page in both(text, SECOND):
        head = page.split("What marks it")[0]
        assert "highest silhouette." in head
        assert "1,000,000" in head
        assert "980,000 accepted + 19,000 rejected + 1,000 duplicates" in head
        assert "5 amounts rounded; besides 1 header" in head
        assert "1 file skipped" in head


def test_warnings_come_first(text: Callable[[date, str], str]) -> None:
    markdown = text(SECOND, "md").splitlines()
    assert NONE_QUALIFIES in "".join(markdown[:4])
    assert "1 of 3 features drifted" in "".join(markdown[:6])
    html = text(SECOND, "html")
    assert html.index(NONE_QUALIFIES) < html.index("Rows") < html.index("Write to 1 by hand.")
    assert "Warning" not in text(FIRST, "md")


def test_a_name_is_text_not_markup(reports: Path, text: Callable[[date, str], str]) -> None:
    assert EVIL in text(SECOND, "html")
    assert EVIL in text(SECOND, "md")
    page = (reports / "2019-11-01" / "cluster_report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | *Loyal*" in page
    markdown = (reports / "2019-11-01" / "cluster_report.md").read_text(encoding="utf-8")
    assert r"\<script\>alert(1)\</script\> \| \*Loyal\*" in markdown


def test_markdown_tables_are_whole_and_pictures_are_there(reports: Path) -> None:
    folder = reports / "2019-11-01"
    lines = (folder / "cluster_report.md").read_text(encoding="utf-8").splitlines()
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    starts = [i for i, line in enumerate(lines) if line.startswith("|--")]
    assert len(starts) > 8
    for start in starts:
        end = start
        while lines[end].startswith("|"):
            assert widths[end] == widths[start - 1], lines[end]
            end += 1
        assert end > start + 1
    shown = re.findall(r"!\[.*\]\((.*)\)", "\n".join(lines))
    assert set(shown) == PICTURES


def test_the_report_says_how_segments_changed(text: Callable[[date, str], str]) -> None:
    for page in both(text, SECOND):
        assert f"{EVIL} also took in Bargain Hunters." in page
        assert "New split off from Window Shoppers." in page
        assert f"Bargain Hunters is no more; most of its customers are now in {EVIL}." in page
        assert "of 100,900 customers of both runs 98,000 (97.1 %) stayed" in page
        assert "2,900 changed; 30,000 joined, 77 are gone." in page


def test_who_fits_no_segment_is_counted_by_what_is_oddest(
    text: Callable[[date, str], str],
) -> None:
    for page in both(text, SECOND):
        assert "3 customers of 146,000 (< 0.1 %) fit no segment" in page
        assert "farther from the centre of their own than 99.5 % of its customers" in page
        assert "net spend low (2); orders high (1)" in page


def test_the_first_run_has_no_migrations(reports: Path, text: Callable[[date, str], str]) -> None:
    assert not (reports / "2019-10-01" / "migration_flow.png").exists()
    assert not (reports / "2019-10-01" / "drift.png").exists()
    for page in both(text, FIRST):
        assert page.count("This is the first run") == 2
        assert "There is no net revenue" in page


def test_drift_and_lifetime_value(text: Callable[[date, str], str]) -> None:
    for page in both(text, SECOND):
        assert "2 of 3 distributions moved since 2019-10-01" in page
        assert re.search(r"orders \|? ?0.310 \|? ?refit", page)
        assert re.search(r"segment sizes, k-means \|? ?0.120 \|? ?watch", page)
        assert "for 26,000 buyers, 4,321 of them with a repeat purchase" in page
        assert "the first tenth by predicted value brought 41.5 % of the revenue" in page


def test_other_algorithms_have_a_section_with_their_tree(reports: Path) -> None:
    page = (reports / "2019-11-01" / "cluster_report.md").read_text(encoding="utf-8")
    tree = [
        "all: 144,000 customers",
        "├─ divided again: 96,000 customers",
        "│  ├─ Branch 0: 48,000 customers",
        "│  └─ Branch 1: 48,000 customers",
        "└─ Branch 2: 48,000 customers",
    ]
    assert "\n".join(f"    {line}" for line in tree) in page.split("by bisecting k-means")[1]
    assert re.search(r"\| DBSCAN \| 5 \| – \| 0.410 \| – \| 12% noise \|", page)


def test_a_run_that_only_the_manifest_knows_says_so(
    reports: Path, text: Callable[[date, str], str]
) -> None:
    assert {p.name for p in (reports / "2019-12-01").iterdir()} == PAGES
    for page in both(text, BARE):
        assert "The tables hold no segments for this run date." in page
        assert "The tables hold no points" in page
        assert "The tables hold no lifetime value" in page
        assert "The models are those fitted on 2019-11-01" in page


@pytest.mark.parametrize("day", [FIRST, SECOND, BARE])
def test_the_csv_is_model_selection(lake: Lake, reports: Path, day: date) -> None:
    # Without the run's id, so that the same run made again writes the same file.
    table = lake.read(MODEL_SELECTION).drop("run_id")
    with (reports / str(day) / "cluster_selection_comparison.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    assert reader.fieldnames == table.columns
    rows = table.where(table.run_date == day).orderBy(F.desc("algorithm"), "k").collect()
    written = [{name: as_text(value) for name, value in row.asDict().items()} for row in rows]
    # Configured algorithms first, then others.
    assert found == sorted(written, key=lambda row: row["algorithm"] == "dbscan")


def as_text(value: object) -> str:
    if value is None or value != value:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_writing_again_gives_equal_bytes_and_touches_nothing_else(
    lake: Lake, reports: Path, tmp_path: Path
) -> None:
    (tmp_path / "2019-11-01").mkdir()
    (tmp_path / "2019-11-01" / "notes.txt").write_text("mine")
    written = report.write(lake, SECOND, tmp_path)
    assert {p.name for p in written} == PICTURES | PAGES
    for path in written:
        assert path.read_bytes() == (reports / "2019-11-01" / path.name).read_bytes(), path.name
    assert (tmp_path / "2019-11-01" / "notes.txt").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["2019-11-01"]


def test_a_picture_that_is_no_longer_drawn_is_removed(lake: Lake, tmp_path: Path) -> None:
    stale = tmp_path / "2019-12-01" / "drift.png"
    stale.parent.mkdir()
    stale.write_bytes(b"old")
    # Without a date it is the latest run's report.
    assert {p.name for p in report.write(lake, None, tmp_path)} == PAGES
    assert not stale.exists()


def test_an_unknown_run_date_names_the_nearest(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run of 2019-11-02 .*2019-10-01, 2019-11-01"):
        report.write(lake, date(2019, 11, 2), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_lake_without_runs_is_an_error(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(spark, LakeConfig(path=str(tmp_path / "lake")))
    with pytest.raises(InputError, match=r"there is no run in .*/runs"):
        report.write(lake, None, tmp_path)


@pytest.mark.parametrize(
    ("lake", "reports", "folder"),
    [
        ("/data/lake", None, "/data/reports"),
        ("file:///data/lake/", None, "/data/reports"),
        ("s3://bucket/lake", "file:/r", "/r"),
        ("s3://bucket/lake", "here", "here"),
        ("s3://bucket/lake", None, "s3://bucket/reports"),
        ("s3a://bucket/a/lake/", None, "s3a://bucket/a/reports"),
        ("s3a://bucket", None, "s3a://bucket/reports"),
        ("lake", "abfss://box@account/reports", "abfss://box@account/reports"),
        ("dbfs:/Volumes/a/b/lake", None, "dbfs:/Volumes/a/b/reports"),
        # Two lakes in one folder.
        ("/data/shop", None, "/data/reports/shop"),
        ("s3a://bucket/shop", None, "s3a://bucket/reports/shop"),
    ],
)
def test_reports_are_beside_the_lake_or_in_the_given_folder(
    lake: str, reports: str | None, folder: str
) -> None:
    config = Config(lake=LakeConfig(path=lake), report=ReportConfig(path=reports))
    assert str(report.folder(config)) == folder


def test_the_job_writes_the_report_of_its_run_date(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--lake", lake.config.path, "--reports", str(tmp_path), "--run-date=2019-10-01"]
    job("report").run(arguments)
    page = tmp_path / "2019-10-01" / "cluster_report.html"
    assert page.exists()
    assert str(page) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.00123, "0.001"),
        (0.1234, "0.12"),
        (-3.44, "−3.4"),
        (99.96, "100"),
        (4_310.4, "4,310"),
        (999_999.4, "999,999"),
        (999_999.9, "1.0 M"),
        (1_234_567, "1.2 M"),
        (Decimal("-3400000000.1"), "−3.4 G"),
    ],
)
def test_numbers_are_short(number: float | None, text: str) -> None:
    assert words.number(number) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.1234, "12.3 %"), (0, "0 %"), (0.0001, "< 0.1 %"), (-0.5, "−50.0 %"), (12.5, "1,250.0 %")],
)
def test_shares_are_percents(share: float, text: str) -> None:
    assert words.percent(share) == text


def test_a_features_label_is_no_other_features() -> None:
    names = [f.name for f in all_features(("price_relative",))]
    labels = [words.feature(name) for name in names]
    assert len(set(labels)) == len(names)
    assert not any("_" in label for label in labels)


@pytest.mark.parametrize(
    ("name", "lines", "text"),
    [
        ("Price-Sensitive Shoppers", 2, "Price-Sensitive\nShoppers"),
        ("Price-Sensitive Evening Shoppers", 1, "Price-Sensitive…"),
        ("Donaudampfschifffahrt", 1, "Donaudampfschif…"),
    ],
)
def test_long_names_are_cut_in_pictures(name: str, lines: int, text: str) -> None:
    assert words.wrapped(name, 16, lines) == text
