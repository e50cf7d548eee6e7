"""The reporting tables of literal runs, row by row, in every target."""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import literal_lake
import polars as pl
import pyarrow as pa
import pytest
from checkout import job
from literal_lake import BEFORE, NOW
from postgresql_server import Server
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.core.experiments import assignment
from custseg_spark.core.features.scores import score_cutoffs, value_counts
from custseg_spark.engine.lake import publishing
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    RUNS,
    SEGMENT_PROFILES,
)
from custseg_spark.engine.spark.session import settings
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import export_arguments
from custseg_spark.outputs.exports import Request, export
from custseg_spark.outputs.exports.csv import write as write_csv
from custseg_spark.outputs.exports.folder import Folder, FolderLoading
from custseg_spark.outputs.exports.frames import OF_ALGORITHM, REPORTS, changes
from custseg_spark.outputs.exports.frames.changes import Campaign, is_control
from custseg_spark.outputs.exports.frames.metrics import spending_scores
from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.progress import Progress

Rows = list[tuple[Any, ...]]
AS_OF = "2021-04-01 00:00:00Z"


@pytest.fixture(scope="module")
def database(postgresql: Server, small_lake: Lake) -> tuple[Server, str]:
    """A database with an export."""
    name = f"exports_{time.monotonic_ns()}"
    postgresql.query("postgres", f"CREATE DATABASE {name}")
    run(small_lake, postgresql.url(name))
    return postgresql, name


@pytest.fixture(scope="module")
def folder(small_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export as CSV."""
    made = tmp_path_factory.mktemp("csv")
    run(small_lake, f"csv:{made}")
    return made


def run(lake: Lake, to: str, *arguments: str) -> None:
    job("export").run([f"--lake={lake.config.path}", f"--to={to}", *arguments])


def rows(database: tuple[Server, str], table: str) -> Rows:
    server, name = database
    return sorted(server.query(name, f"SELECT * FROM {table}"), key=str)


def lines(folder: Path, table: str) -> list[str]:
    return (folder / f"{table}.csv").read_text(encoding="utf-8").splitlines()


# --- The tables --------------------------------------------------------------------------------


def test_customer_segments_has_a_row_a_customer_with_attributes_and_metrics(folder: Path) -> None:
    assert lines(folder, "customer_segments") == [
        '"customer_id","name","age","income","gender","education","occupation","zip_code","clv",'
        '"num_purchases","avg_purchase_frequency","avg_purchase_amount","last_purchase_days_ago",'
        '"spending_score","segment","segment_id","rfm_group","run_date","prediction_timestamp"',
        '"\'=c5",,,,,,,,,1,0.3333333333333333,9.9900,80,1,"Dormant",2,,2021-04-01,' + AS_OF,
        '"c1","Ada, Queen",36,50000.5000,"f","PhD","analyst","01234",20.1235,'
        '3,1,33.3333,5,67,"Dormant",2,"Loyal",2021-04-01,' + AS_OF,
        # Known for three days only: as if for thirty.
        '"c2",,,,,,,,2.5000,1,1,9.9900,40,1,"Loyal",1,,2021-04-01,' + AS_OF,
        '"c3",,37,40000.0000,,,,,,0,0,,,0,"Dormant",2,"Prospects",2021-04-01,' + AS_OF,
    ]


def test_customer_outliers_has_a_row_a_customer_and_odd_feature(folder: Path) -> None:
    assert lines(folder, "customer_outliers") == [
        '"customer_id","rank","segment_id","segment","distance","outlier_distance","feature",'
        '"deviation","value","segment_median","run_date"',
        '"c1",1,2,"Dormant",3.5,2,"frequency",2.25,3,1,2021-04-01',
        '"c1",2,2,"Dormant",3.5,2,"pc_2",-1.5,,,2021-04-01',
    ]


def test_segment_metrics_has_a_row_a_living_segment_also_without_customers(
    database: tuple[Server, str],
) -> None:
    columns = (
        "segment_id, segment, total_spend, num_customers, num_buyers, customer_share, avg_clv,"
        " avg_purchases, avg_spending_score, age, income"
    )
    server, name = database
    assert server.query(name, f"SELECT {columns} FROM segment_metrics ORDER BY 1") == [
        (1, "Loyal", Decimal("9.99"), 1, 1, 0.25, Decimal("2.5"), 1.0, 1.0, None, None),
        (
            *(2, "Dormant", Decimal("105.49"), 3, 2, 0.75, Decimal("20.1235"), 4 / 3, 68 / 3),
            *(36.5, Decimal("45000.25")),
        ),
        (3, "Empty", Decimal(0), 0, 0, 0.0, None, None, None, None, None),
    ]


def test_store_summary_nets_returns_and_counts_orders(database: tuple[Server, str]) -> None:
    first, second, feb = date(2021, 1, 5), date(2021, 2, 9), Decimal("81")
    assert rows(database, "customer_store_summary") == [
        ("c1", "Nord", 1, Decimal("30"), Decimal("30"), first, first, NOW),
        # An order by its session, and what has neither id by its day.
        ("c1", "Süd", 2, feb, feb / 2, second, second, NOW),
        ("c3", "(none)", 0, Decimal("-4.5"), None, None, None, NOW),
    ]


def test_purchase_trends_are_by_month_up_to_the_run_date(database: tuple[Server, str]) -> None:
    january, february, march = (date(2021, month, 1) for month in (1, 2, 3))
    assert rows(database, "customer_purchase_trends") == [
        ("c1", january, 1, Decimal("35"), Decimal("35"), NOW),
        ("c1", february, 2, Decimal("76"), Decimal("38"), NOW),
        ("c3", march, 0, Decimal("-4.5"), None, NOW),
    ]


def test_lists_of_products_are_flat_and_of_living_segments(folder: Path) -> None:
    assert lines(folder, "segment_products")[1:] == [
        '2,"Dormant",1,"p7","shoes",,3,4,0.75,3,8,2,0.5,2,2021-04-01',
        '2,"Dormant",2,"\'=p9",,,2,4,0.5,3,8,1.3333333333333333,0.5,2,2021-04-01',
    ]
    assert lines(folder, "segment_product_pairs")[1:] == [
        '2,"Dormant","p7",1,"p8",2,1,2,0.75,,2021-04-01',
        '2,"Dormant","p7",2,"p5",2,1,2,0.75,,2021-04-01',
    ]
    assert lines(folder, "segment_categories")[1:] == [
        '1,"Loyal","brand",1,"acme",,3,4,0.75,3,8,2,0.5,2,2021-04-01',
        '1,"Loyal","category",1,"k1","shoes",2,4,0.5,3,8,1.3333333333333333,0.5,2,2021-04-01',
    ]


def test_behavior_metrics_are_the_features_with_nan_as_null(database: tuple[Server, str]) -> None:
    server, name = database
    columns = "customer_id, total_spend, spending_score, loyalty_score, segment"
    found = server.query(name, f"SELECT {columns} FROM customer_behavior_metrics ORDER BY 2, 1")
    assert found == [
        ("c3", Decimal("-4.5"), 0, None, "Dormant"),
        ("=c5", Decimal("9.99"), 1, None, "Dormant"),
        ("c2", Decimal("9.99"), 1, None, "Loyal"),
        ("c1", Decimal("100"), 67, None, "Dormant"),
    ]


def test_types_and_keys_of_postgresql(database: tuple[Server, str]) -> None:
    server, name = database
    types = "SELECT data_type FROM information_schema.columns WHERE column_name = %s"
    for column, type_ in (
        ("total_spend", "numeric"),
        ("income", "numeric"),
        ("run_date", "date"),
        ("prediction_timestamp", "timestamp with time zone"),
        ("month", "date"),
        ("customer_id", "text"),
        ("num_purchases", "bigint"),
    ):
        assert set(server.query(name, types, column)) == {(type_,)}
    keys = "SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid = %s::regclass"
    assert all(
        server.query(name, keys, table) == [(1,)] for table in REPORTS if table not in OF_ALGORITHM
    )


def test_every_target_has_the_same_rows(
    small_lake: Lake, database: tuple[Server, str], folder: Path, tmp_path: Path
) -> None:
    run(small_lake, f"sqlite:///{tmp_path}/reports.db")
    with closing(sqlite3.connect(tmp_path / "reports.db")) as connection:
        for table in set(REPORTS).difference(OF_ALGORITHM):
            held = connection.execute(f"SELECT * FROM {table}").fetchall()
            expected = [tuple(map(_as_sqlite, row)) for row in rows(database, table)]
            assert sorted(held, key=str) == sorted(expected, key=str)
            assert len(held) == len(lines(folder, table)) - 1


def _as_sqlite(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else value


def test_equal_tables_give_equal_files_over_any_partitioning(
    small_lake: Lake, folder: Path, tmp_path: Path
) -> None:
    tables = ("customer_segments", "customer_store_summary")
    with settings(small_lake.spark, {"spark.sql.shuffle.partitions": "7"}):
        run(small_lake, f"csv:{tmp_path}", f"--tables={','.join(tables)}")
    names = [*(f"{table}.csv" for table in tables), "evaluation_metrics.json"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_evaluation_metrics_names_conventions_and_every_candidate(folder: Path) -> None:
    written = json.loads((folder / "evaluation_metrics.json").read_text())
    assert (written["run_date"], written["algorithm"]) == ("2021-04-01", "kmeans")
    assert [c["k"] for c in written["candidates"]] == [2, 3, 4]
    assert written["chosen"] == written["candidates"][1]
    assert written["chosen"]["silhouette_squared_euclidean"] == 0.53
    assert written["chosen"]["why"] == "because of 3"
    assert written["candidates"][0]["davies_bouldin_euclidean"] is None
    for name in ("silhouette_squared_euclidean", "davies_bouldin_euclidean"):
        assert "Euclidean" in written["conventions"][name]
    assert set(written["conventions"]) < set(written["chosen"])


@pytest.mark.parametrize("seed", range(4))
def test_spending_scores_agree_with_plain_python_and_with_rfm(
    spark: SparkSession, seed: int
) -> None:
    random = Random(seed)
    levels = [Decimal(random.randint(-900, 90_000)) / 100 for _ in range([1, 3, 60, 400][seed])]
    customers = [
        (n, random.choice([0, 1, 4]), random.choice(levels)) for n in range(200 * (seed + 1))
    ]
    ddl = "customer_id int, frequency bigint, monetary decimal(28,4)"
    frame = spark.createDataFrame(customers, ddl)
    found = {row.spent: row.spending_score for row in spending_scores(frame).collect()}
    spent = [m for _, frequency, m in customers if frequency]
    assert found == {m: 1 + 100 * sum(s < m for s in spent) // len(spent) for m in set(spent)}
    buyers = pl.DataFrame(
        {"recency_days": 0, "frequency": 1, "monetary": pl.Series(spent, dtype=pl.Decimal(28, 4))}
    )
    cutoffs = [Decimal(c) / 10_000 for c in score_cutoffs(value_counts(buyers)).monetary]
    rfm_m = {m: 1 + sum(m > cutoff for cutoff in cutoffs) for m in found}
    assert rfm_m == {m: -(-score // 20) for m, score in found.items()}


# --- Who moved ---------------------------------------------------------------------------------


def test_changes_list_customers_who_entered_or_left(small_lake: Lake, tmp_path: Path) -> None:
    run(small_lake, f"csv:{tmp_path}", f"--changes-since={BEFORE}", "--control-share=0.5")
    assert [p.name for p in tmp_path.iterdir()] == ["segment_changes.csv"]
    header, *found = lines(tmp_path, "segment_changes")
    assert header == (
        '"customer_id","change","segment_id","segment","other_segment_id","other_segment",'
        '"campaign","is_control","previous_run_date","run_date","entered_on","left_on",'
        '"is_reentry"'
    )
    groups = {line.split(",")[0].strip('"'): line.split(",")[7] for line in found}
    end = {who: f'"2021-04-01",{own},2021-03-01,2021-04-01' for who, own in groups.items()}
    entered, left = "2021-04-01,,false", "2021-03-01,2021-04-01,false"
    assert found == [
        f'"c1","entered",2,"Dormant",1,"Loyal",{end["c1"]},{entered}',
        f'"c1","left",1,"Loyal",2,"Dormant",{end["c1"]},{left}',
        f'"c3","entered",2,"Dormant",,,{end["c3"]},{entered}',
        f'"c4","left",2,"Dormant",,,{end["c4"]},{left}',
    ]
    assert set(groups.values()) <= {"true", "false"}


def test_the_groups_are_a_share_by_label_and_the_same_anywhere(spark: SparkSession) -> None:
    def held_back(label: str, share: float, partitions: int = 1) -> set[str]:
        campaign = Campaign(BEFORE, NOW, label, share)
        ids = spark.range(20_000).selectExpr("concat('c', id) AS customer_id")
        found = ids.repartition(partitions).where(is_control(campaign)).collect()
        return {row.customer_id for row in found}

    spring, summer = held_back("spring", 0.1), held_back("summer", 0.1)
    assert held_back("spring", 0.1, partitions=3) == spring
    assert spring < held_back("spring", 0.3)
    assert held_back("spring", 0.0) == set()
    # 2,000 expected, with a standard deviation of 42; both campaigns hold back 200 by chance.
    assert abs(len(spring) - 2_000) < 200
    assert abs(len(spring & summer) - 200) < 70
    # The kernel's, on which independence is tested.
    ids = pl.Series("customer_id", [f"c{n}" for n in range(20_000)])
    assert set(ids.filter(assignment.held_back(ids, "spring", 0.1))) == spring


def test_both_rows_of_a_customer_are_of_one_group(spark: SparkSession) -> None:
    ddl = "customer_id string, run_date date, segment_id int, segment_name string,"
    ddl += " segment_since date"
    runs = ((BEFORE, 5), (NOW, 7))
    rows = [(f"c{n}", day, n % k, "x", day) for day, k in runs for n in range(500)]
    campaign = Campaign(BEFORE, NOW, "x", 0.5)
    segments = spark.createDataFrame(rows, ddl)
    moved = changes.rows(segments, [BEFORE, NOW], campaign).collect()
    assert {r.customer_id for r in moved} == {f"c{n}" for n in range(500) if n % 5 != n % 7}
    groups: dict[str, set[bool]] = {}
    for row in moved:
        groups.setdefault(row.customer_id, set()).add(row.is_control)
    assert len(moved) == 2 * len(groups)
    assert {len(own) for own in groups.values()} == {1}


# --- What goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tables=customer_segment"], "unknown table 'customer_segment'; did you mean"),
        (["--tables=segment_changes"], "segment_changes needs --changes-since"),
        (["--algorithm=kmean"], "did you mean 'kmeans'?"),
        (["--control-share=1.5"], "--control-share: expected from 0 to below 1"),
        (["--run-date=2021-13-01"], "--run-date: expected a date"),
        (["--changes-since=March"], "--changes-since: expected a date"),
        (["--set=exports.control_shar=0.1"], "did you mean 'control_share'?"),
        (["--set=exports.confidence=95"], "exports.confidence: expected between 0 and 1"),
        (["--to=sqlit:///x"], "did you mean 'sqlite'?"),
    ],
)
def test_a_mistyped_option_is_named_with_the_nearest(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        export_arguments.parse_export("", ["--to=csv:x", *arguments])
    assert said in str(caught.value)


def test_tables_and_changes_can_be_asked_for_together() -> None:
    def tables(*arguments: str) -> tuple[str, ...]:
        return export_arguments.parse_export("", ["--to=csv:x", *arguments]).request.tables

    assert tables() == tuple(name for name in REPORTS if name not in OF_ALGORITHM)
    assert tables("--algorithm=gaussian_mixture") == tuple(REPORTS)
    since = "--changes-since=2021-03-01"
    assert tables(since) == ("segment_changes",)
    assert tables("--tables=segment_metrics, customer_segments") == (
        "customer_segments",
        "segment_metrics",
    )
    assert tables("--tables=segment_metrics", since) == ("segment_metrics", "segment_changes")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run-date=2021-03-02"], "no run of 2021-03-02 .*2021-03-01, 2021-04-01"),
        (["--algorithm=gaussian_mixture"], "has no segments by gaussian_mixture"),
        (["--changes-since=2021-02-01"], "no run of 2021-02-01"),
        (["--changes-since=2021-04-01"], "expected a run date before 2021-04-01"),
        (["--run-date=2021-03-01", "--algorithm=bisecting_kmeans"], "did you mean|known: kmeans"),
    ],
)
def test_a_run_that_isnt_there_is_a_clear_error(
    small_lake: Lake, tmp_path: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        run(small_lake, f"csv:{tmp_path}", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_another_algorithm_has_its_own_segments(small_lake: Lake, tmp_path: Path) -> None:
    wanted = ("--tables=customer_segments", "--algorithm=bisecting_kmeans")
    run(small_lake, f"csv:{tmp_path}", *wanted)
    [_, row] = lines(tmp_path, "customer_segments")
    assert row.startswith('"c1","Ada, Queen"')
    assert '"Loyal",1,"Loyal"' in row


def test_a_lake_without_customer_attributes_exports_nulls(small_lake: Lake, tmp_path: Path) -> None:
    shutil.copytree(small_lake.config.path, tmp_path / "lake")
    shutil.rmtree(tmp_path / "lake" / "customers")
    bare = Lake(small_lake.spark, LakeConfig(path=str(tmp_path / "lake")))
    run(bare, f"csv:{tmp_path}", "--tables=customer_segments")
    assert lines(tmp_path, "customer_segments")[2].startswith('"c1",,,,,,,,20.1235,3,')


def test_a_run_made_again_meanwhile_is_exported_as_it_was(small_lake: Lake, tmp_path: Path) -> None:
    shutil.copytree(small_lake.config.path, tmp_path / "lake")
    lake = Lake(small_lake.spark, LakeConfig(path=str(tmp_path / "lake")))
    wanted = ("segment_metrics", "customer_segments")
    run(lake, f"csv:{tmp_path / 'before'}", f"--tables={','.join(wanted)}")

    class Meddled(Folder):
        """A target during whose export the run is made again, with other segments."""

        @contextmanager
        def opened(self) -> Iterator[FolderLoading]:
            with super().opened() as loading:
                yield MeddledLoading(loading.beside, loading.folder, "csv", write_csv)

    class MeddledLoading(FolderLoading):
        def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
            if not self.names:
                _made_again(lake)
            return super().stage(table, batches)

    target = Meddled(tmp_path / "now", "csv", write_csv)
    export(lake, Request(wanted, "kmeans", NOW), target, Progress(live=False))
    for name in wanted:
        before, now = ((tmp_path / each / f"{name}.csv").read_bytes() for each in ("before", "now"))
        assert now == before
    run(lake, f"csv:{tmp_path / 'after'}", f"--tables={','.join(wanted)}")
    assert len(lines(tmp_path / "after", "customer_segments")) == 2


def _made_again(lake: Lake) -> None:
    """Publishes another run of the date, of one customer."""
    again = {"run_id": "again"}
    new = {
        SEGMENT_PROFILES: [literal_lake.profile(NOW, 1, customers=1)],
        CUSTOMER_SEGMENTS: [literal_lake.segment(NOW, "c1", 1)],
        CUSTOMER_FEATURES: [literal_lake.features("c1", 3, "100.00")],
    }
    for table, rows in new.items():
        made = literal_lake.of(table, [{**row, **again} for row in rows])
        lake.appender([table]).append(made, table)
    run_row = literal_lake.of(RUNS, [{**literal_lake.run(NOW, minute=7), **again}])
    lake.replace_dates(run_row, RUNS, [NOW])
    assert lake.native is not None
    publishing.remove_run(lake.native, literal_lake.run_id(NOW))
