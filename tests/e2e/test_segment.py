"""The main job end to end, on a generated log of a few thousand events, in both ways of IO."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from bench.ours import published
from checkout import ROOT, job
from deltalake import DeltaTable
from polars.testing import assert_frame_equal
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import (
    EVENT_SUMMARY,
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
)
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    EVENTS,
    INGEST_FILES,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_PROFILES,
    SESSIONS,
)
from custseg_spark.engine.spark import model_store
from custseg_spark.engine.spark.mllib_models import core_model, core_scaler
from custseg_spark.engine.spark.session import settings
from custseg_spark.errors import ConfigurationError, ConflictError, InputError
from custseg_spark.paths import place

DAY = date(2019, 10, 11)
OUTPUTS = (CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, SEGMENT_PROFILES, MODEL_SELECTION)
INSIGHTS = (SEGMENT_PRODUCTS, SEGMENT_CATEGORIES, EVENT_SUMMARY)
QUICK = (
    "--set=model.selection.k_max=3",
    "--set=model.fit.bisecting_iterations=5",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=3",
    "--set=report.enabled=false",
    # Of a few hundred customers hardly two bought the same.
    "--set=affinity.basis=events",
    "--set=affinity.min_customers=3",
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Segmented:
    """A log, the lake that the job made of it, and the customers in the log."""

    log: Path
    lake: Lake
    customers: int

    def rows(self, table: Table, algorithm: str | None = None) -> list[Row]:
        found = rows(self.lake, table)
        return [r for r in found if algorithm is None or r["algorithm"] == algorithm]

    def model(self, algorithm: str) -> Path:
        [manifest] = self.rows(RUNS)
        return Path(str(place(self.lake.model_path(manifest["models"][algorithm]))))

    def loaded(self, path: Path) -> tuple[PipelineModel, model_store.Manifest]:
        """The model of k-means at a path, by the hash that the run holds."""
        [manifest] = self.rows(RUNS)
        sha256 = manifest["model_hashes"]["kmeans"]
        return model_store.load(self.lake.spark, str(path), "kmeans", sha256)

    def copy(self, folder: Path) -> Lake:
        """A copy of the lake, for tests that write."""
        shutil.copytree(self.lake.config.path, folder / "lake")
        return Lake(self.lake.spark, LakeConfig(path=str(folder / "lake")))


def run(lake_dir: Path | str, *arguments: str) -> None:
    job("segment").run(["--lake", str(lake_dir), *QUICK, *arguments])


def rows(lake: Lake, table: Table) -> list[Row]:
    """The rows of a table, sorted by their first columns."""
    ordered = [(c, "ascending") for c in table.schema.names[:3] if c in _SORTED]
    return dicts_of(lake.rows(table).sort_by(ordered) if ordered else lake.rows(table))


_SORTED = ("run_date", "algorithm", "k", "segment_id", "customer_id")


@pytest.fixture(scope="module")
def segmented(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segmented]:
    folder = tmp_path_factory.mktemp("segment")
    log = folder / "events.csv"
    generate("--events", "3000", "--customers", "420", "--days", "10", "--out", str(log))
    run(folder / "lake", "--source", f"ecommerce_events={log}")
    lines = log.read_text().splitlines()[1:]
    customers = len({line.split(",")[7] for line in lines})
    lake = Lake(spark, LakeConfig(path=str(folder / "lake")))
    assert lake.native is not None
    yield Segmented(log, lake, customers)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def by_spark(segmented: Segmented, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same log's lines in another order, in three files, read and written by Spark."""
    folder = tmp_path_factory.mktemp("by_spark")
    header, *lines = segmented.log.read_text().splitlines()
    random.Random(8).shuffle(lines)
    (folder / "log").mkdir()
    for n in range(3):
        (folder / "log" / f"{n}.csv").write_text("\n".join([header, *lines[n::3]]) + "\n")
    with settings(segmented.lake.spark, {"spark.sql.shuffle.partitions": "8"}):
        run(folder / "lake", f"--source=ecommerce_events={folder}/log", "--set=lake.io=spark")
    return Lake(segmented.lake.spark, LakeConfig(path=str(folder / "lake")))


def generate(*arguments: str) -> None:
    script = ROOT / "scripts" / "generate_events.py"
    subprocess.run([sys.executable, str(script), *arguments], check=True, capture_output=True)


def content(lake: Lake) -> dict[str, list[str]]:
    """Every output table's rows, in an order of their own."""
    return {t.name: contents(lake.rows(t)) for t in OUTPUTS}


def contents(table: pa.Table) -> list[str]:
    """Rows in an order of their own, whatever run they are of."""
    return sorted(map(repr, dicts_of(table.drop_columns(["run_id"]))))


def by_content(rows: pa.Table) -> pl.DataFrame:
    """The rows in an order of their own, whatever run they are of; maps are lists of pairs to
    Polars."""
    frame = pl.DataFrame(
        [
            {name: repr(value) for name, value in row.items() if name != "run_id"}
            for row in dicts_of(rows)
        ]
    )
    return frame.sort(frame.columns)


def test_every_customer_has_one_segment_an_algorithm(segmented: Segmented) -> None:
    for algorithm in ("kmeans", "bisecting_kmeans"):
        segments = segmented.rows(CUSTOMER_SEGMENTS, algorithm)
        assert len(segments) == len({r["customer_id"] for r in segments}) == segmented.customers
    segments = segmented.rows(CUSTOMER_SEGMENTS)
    assert len(segments) == 2 * segmented.customers
    assert {r["run_date"] for r in segments} == {DAY}
    assert {r["prediction_timestamp"] for r in segments} == {datetime(2019, 10, 11, tzinfo=UTC)}


def test_file_order_partitions_and_the_way_of_io_change_nothing(
    segmented: Segmented, by_spark: Lake
) -> None:
    for table in (*OUTPUTS, *INSIGHTS):
        ours, theirs = (by_content(lake.rows(table)) for lake in (segmented.lake, by_spark))
        assert len(ours)
        assert_frame_equal(ours, theirs, check_exact=True)


def test_profiles_add_up_to_all_customers_and_all_revenue(segmented: Segmented) -> None:
    total = sum(r["monetary"] for r in segmented.rows(CUSTOMER_FEATURES))
    for algorithm in ("kmeans", "bisecting_kmeans"):
        profiles = segmented.rows(SEGMENT_PROFILES, algorithm)
        assert sum(r["customers"] for r in profiles) == segmented.customers
        assert sum(r["customer_share"] for r in profiles) == pytest.approx(1)
        assert sum(r["revenue"] for r in profiles) == total
        assert sum(r["revenue_share"] for r in profiles) == pytest.approx(1)


def test_profile_means_are_those_of_the_segments_customers(segmented: Segmented) -> None:
    features = {r["customer_id"]: r for r in segmented.rows(CUSTOMER_FEATURES)}
    everyone = np.array([r["bounce_rate"] for r in features.values()])
    for profile in segmented.rows(SEGMENT_PROFILES, "kmeans"):
        members = [
            features[r["customer_id"]]
            for r in segmented.rows(CUSTOMER_SEGMENTS, "kmeans")
            if r["segment_id"] == profile["segment_id"]
        ]
        events, bounces = (
            np.mean([r[name] for r in members]) for name in ("event_count", "bounce_rate")
        )
        assert profile["features"]["event_count"]["mean"] == pytest.approx(events)
        z_score = (bounces - everyone.mean()) / everyone.std()
        assert profile["features"]["bounce_rate"]["z_score"] == pytest.approx(z_score)


def test_one_k_an_algorithm_is_chosen_and_each_says_why(segmented: Segmented) -> None:
    tried = segmented.rows(MODEL_SELECTION)
    assert [(r["algorithm"], r["k"]) for r in tried] == [
        (a, k) for a in ("bisecting_kmeans", "kmeans") for k in (2, 3)
    ]
    for algorithm in ("kmeans", "bisecting_kmeans"):
        assert sum(r["chosen"] for r in tried if r["algorithm"] == algorithm) == 1
    assert all(r["why"] and r["customers"] == segmented.customers for r in tried)


def test_the_benchmark_reads_what_a_run_published(segmented: Segmented) -> None:
    found = published(Path(segmented.lake.config.path))
    [manifest] = segmented.rows(RUNS)
    assert [feature.name for feature in found.prepared] == manifest["features"]
    [chosen] = [r["k"] for r in segmented.rows(MODEL_SELECTION, "kmeans") if r["chosen"]]
    assert found.k == chosen
    ids, labels = found.labels()
    assert sorted(ids) == sorted(found.column("customer_id"))
    assert len(labels) == segmented.customers
    assert found.column("event_count").sum() == len(segmented.rows(EVENTS))


def test_the_manifest_describes_the_run(segmented: Segmented) -> None:
    [manifest] = segmented.rows(RUNS)
    assert manifest["run_date"] == DAY
    assert manifest["row_counts"]["customers"] == segmented.customers
    assert set(manifest["models"]) == {"kmeans", "bisecting_kmeans"}
    assert "fit models" in manifest["stage_seconds"]
    assert manifest["table_versions"]["events"] == segmented.lake.version(EVENTS)


def test_a_repeat_changes_nothing(segmented: Segmented) -> None:
    before = content(segmented.lake)
    with pytest.raises(InputError, match="there is no earlier run with one; fit first"):
        run(segmented.lake.config.path, "--skip-ingest", "--model", "frozen")
    assert content(segmented.lake) == before
    [first] = segmented.rows(RUNS)
    events = segmented.lake.version(EVENTS)
    (segmented.log.parent / "beside").mkdir()
    roundabout = segmented.log.parent / "beside" / ".." / segmented.log.name
    run(segmented.lake.config.path, "--source", f"ecommerce_events={roundabout}")
    assert content(segmented.lake) == before
    assert segmented.lake.version(EVENTS) == events
    # Nothing has changed: the run stands. Asked for, it is made again.
    assert [r["run_id"] for r in segmented.rows(RUNS)] == [first["run_id"]]
    run(segmented.lake.config.path, "--skip-ingest", "--again")
    assert content(segmented.lake) == before
    [second] = segmented.rows(RUNS)
    assert second["run_id"] != first["run_id"]
    # Of the run before no row is left.
    assert segmented.lake.native is not None
    for table in OUTPUTS:
        held = segmented.lake.native.read(table, ["run_id"])["run_id"].to_pylist()
        assert set(held) == {second["run_id"]}


@pytest.mark.parametrize("io", ["native", pytest.param("spark", marks=pytest.mark.heavy)])
def test_a_kill_leaves_the_last_good_result_and_the_retry_finishes(
    segmented: Segmented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, io: str
) -> None:
    lake, before = segmented.copy(tmp_path), content(segmented.lake)
    early = date(2019, 10, 6)
    # A run of the published date, and one of another date.
    for day in (DAY, early):
        arguments = ("--skip-ingest", "--again", f"--run-date={day}", f"--set=lake.io={io}")
        with monkeypatch.context() as patch:
            patch.setattr(RunPublication, "publish", killed)
            with pytest.raises(KeyboardInterrupt):
                run(lake.config.path, *arguments)
        assert {r["run_date"] for r in rows(lake, RUNS)} == {DAY}
        for table in OUTPUTS:
            assert contents(of_date(lake.rows(table), DAY)) == before[table.name]

    run(lake.config.path, *arguments)
    assert {r["run_date"] for r in rows(lake, RUNS)} == {DAY, early}
    assert lake.native is not None
    ids = {r["run_id"] for r in rows(lake, RUNS)}
    for table in OUTPUTS:
        assert contents(of_date(lake.rows(table), DAY)) == before[table.name]
        # Neither of the killed runs has left a row.
        assert set(lake.native.read(table, ["run_id"])["run_id"].to_pylist()) == ids
    assert list((Path(lake.config.path) / "_runs").iterdir()) == []
    features = dicts_of(lake.rows(CUSTOMER_FEATURES, dates=[early]))
    seen = [r for r in rows(lake, EVENTS) if r["event_date"] < early]
    assert len(features) == len({r["customer_id"] for r in seen})
    assert sum(r["event_count"] for r in features) == len(seen)


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def of_date(table: pa.Table, day: date) -> pa.Table:
    return table.filter(pc.equal(table["run_date"], day))


# tests/integration/test_publications.py has the two publications without their jobs.
@pytest.mark.heavy
@pytest.mark.parametrize("io", ["native", "spark"])
def test_of_two_runs_at_once_the_later_is_told_and_the_first_stands(
    segmented: Segmented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, io: str
) -> None:
    lake = segmented.copy(tmp_path)
    arguments = ("--skip-ingest", "--again", f"--run-date={DAY}", f"--set=lake.io={io}")
    publish = RunPublication.publish

    def overtaken(self: RunPublication, row: pa.Table) -> None:
        monkeypatch.undo()
        run(lake.config.path, *arguments, "--set=model.k=3")
        publish(self, row)

    monkeypatch.setattr(RunPublication, "publish", overtaken)
    with pytest.raises(ConflictError, match="runs meanwhile"):
        run(lake.config.path, *arguments)
    lake.settle()
    for table in OUTPUTS:
        assert lake.native is not None
        assert len(set(lake.native.read(table, ["run_id"])["run_id"].to_pylist())) == 1
    chosen = [r["k"] for r in rows(lake, MODEL_SELECTION) if r["chosen"]]
    assert chosen == [3, 3]
    assert {r["segment_id"] for r in rows(lake, CUSTOMER_SEGMENTS)} <= {
        r["segment_id"] for r in rows(lake, SEGMENT_PROFILES)
    }


def test_customers_are_where_the_published_model_puts_them(segmented: Segmented) -> None:
    pipeline, manifest = segmented.loaded(segmented.model("kmeans"))
    space = FeatureSpace(manifest.preparation, core_scaler(pipeline))
    features = segmented.lake.rows(CUSTOMER_FEATURES)
    points = dict(zip(features["customer_id"].to_pylist(), space.points(features), strict=True))
    centres = core_model(model_store.clusterer(pipeline)).centres
    for row in segmented.rows(CUSTOMER_SEGMENTS, "kmeans"):
        distances = np.linalg.norm(centres - points[row["customer_id"]], axis=1)
        own, second = np.argsort(distances)[:2]
        assert row["cluster"] == own
        assert row["segment_id"] == manifest.segment_ids[own]
        assert row["segment_name"] == manifest.segment_names[own]
        assert row["second_segment_id"] == manifest.segment_ids[second]
        assert row["distance"] == pytest.approx(distances[own])
        assert row["margin"] == pytest.approx(distances[second] - distances[own])
        assert set(row["top_features"]) <= set(manifest.preparation.names)


def test_segments_are_numbered_from_the_most_valuable(segmented: Segmented) -> None:
    means = [r["features"]["monetary"]["mean"] for r in segmented.rows(SEGMENT_PROFILES, "kmeans")]
    assert means[0] == max(means)


def test_a_model_that_was_changed_is_refused(segmented: Segmented, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(segmented.model("kmeans"), copy)
    segmented.loaded(copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["segment_ids"].reverse()
    (copy / "manifest.json").write_text(json.dumps(manifest, sort_keys=True))
    with pytest.raises(InputError, match="is not as its run published it"):
        segmented.loaded(copy)


def test_an_optional_family_and_other_preparations(segmented: Segmented, tmp_path: Path) -> None:
    lake = segmented.copy(tmp_path)
    assert all(r["price_tier"] is None for r in segmented.rows(CUSTOMER_FEATURES))
    family = 'features.optional_families=["price_relative"]'
    others = (
        "model.preparation.scaling=robust",
        "model.preparation.pca_components=3",
        "model.k=3",
        "model.preparation.clip=none",
        'model.algorithms=["kmeans", "gaussian_mixture"]',
        'model.selection.compare=["dbscan", "agglomerative"]',
    )
    sets = [f"--set={key}" for key in (family, *others)]
    run(lake.config.path, "--skip-ingest", *sets)
    tiers = [r["price_tier"] for r in rows(lake, CUSTOMER_FEATURES)]
    assert all(0 <= tier <= 1 for tier in tiers)
    assert max(tiers) > 0
    segments = rows(lake, CUSTOMER_SEGMENTS)
    assert len({(r["algorithm"], r["segment_id"]) for r in segments}) == 2 * 3
    assert len({name for r in segments for name in r["top_features"]}) == 3
    assert lake.version(EVENTS) == segmented.lake.version(EVENTS)
    for row in segments:
        if row["algorithm"] == "gaussian_mixture":
            assert sum(row["memberships"].values()) == pytest.approx(1)
            likeliest = max(row["memberships"], key=row["memberships"].__getitem__)
            assert likeliest == row["segment_id"]
    tried = {r["algorithm"]: r for r in rows(lake, MODEL_SELECTION) if not r["chosen"]}
    assert tried.keys() == {"dbscan", "agglomerative"}
    assert all(-1 <= r["agreement"] <= 1 for r in tried.values())
    assert all("comparison only" in r["why"] for r in tried.values())


def test_published_models_score_another_date(segmented: Segmented, tmp_path: Path) -> None:
    lake = segmented.copy(tmp_path)
    where = f"--lake={lake.config.path}"
    later = date(2019, 10, 13)
    more = ("--set=report.enabled=false", f"--run-date={later}")
    job("score").run([where, *more, f"--model-date={DAY}"])
    first, second = rows(lake, RUNS)
    # No path: the copy has its own.
    assert all(name.startswith(f"run_date={DAY}/") for name in first["models"].values())
    told = [second[name] for name in ("model_use", "fitted_on", "previous_run_date")]
    assert told == ["score", DAY, DAY]
    assert second["models"].keys() == first["models"].keys()

    def named(day: date) -> list[tuple[Any, ...]]:
        columns = ("algorithm", "segment_id", "segment_name", "born_on", "outlier_distance")
        of_day = dicts_of(lake.rows(SEGMENT_PROFILES, dates=[day]))
        return sorted(tuple(r[c] for c in columns) for r in of_day)

    assert named(DAY) == named(later)
    of_later = lake.rows(SEGMENT_PROFILES, ["status"], dates=[later])
    assert set(of_later["status"].to_pylist()) == {"continued"}
    moved = pl.DataFrame(pl.from_arrow(lake.rows(SEGMENT_MIGRATIONS, ["algorithm", "customers"])))
    sums = moved.group_by("algorithm").agg(pl.col("customers").sum())
    assert sums["customers"].to_list() == [segmented.customers] * 2
    check_tenure(lake, later)

    tiers = "--set=features.optional_families=['price_relative']"
    with_tiers = "--set=model.features=['monetary','price_tier','active_span_days']"
    run(lake.config.path, "--skip-ingest", *more, tiers, with_tiers, "--model=fit")
    late = f"--run-date={date(2019, 10, 20)}"
    with pytest.raises(ConfigurationError, match="takes price_tier, of a family"):
        job("score").run([where, *more, late])
    with pytest.raises(ConfigurationError, match="expected another run date than the one to be"):
        job("score").run([where, *more, f"--model-date={later}"])
    with pytest.raises(InputError, match=r"no run of 2019-10-12 in .*; there are 2019-10-11, 2019"):
        job("score").run([where, *more, "--model-date=2019-10-12"])
    shutil.rmtree(tmp_path / "lake" / "models" / f"run_date={DAY}")
    with pytest.raises(InputError, match="there is no model with a manifest at"):
        job("score").run([where, *more, f"--model-date={DAY}"])
    assert [r["run_date"] for r in rows(lake, RUNS)] == [DAY, later]


def check_tenure(lake: Lake, later: date) -> None:
    """Who moved is there since the later run, and comes from where the migrations say."""
    columns = ["run_date", "from_segment_id", "to_segment_id", "customers", "algorithm"]
    flows = [r for r in lake.rows(SEGMENT_MIGRATIONS, columns).to_pylist() if r["customers"]]
    counts: dict[tuple[str, int, int], int] = {}
    for row in rows(lake, CUSTOMER_SEGMENTS):
        is_outlier = row["oddities"] is not None
        assert row["is_outlier"] is is_outlier
        if row["run_date"] == DAY:
            assert (row["segment_since"], row["previous_segment_id"]) == (DAY, None)
            continue
        has_moved = row["segment_since"] == later
        before = row["previous_segment_id"] if has_moved else row["segment_id"]
        assert has_moved or row["segment_since"] == DAY
        key = (row["algorithm"], before, row["segment_id"])
        counts[key] = counts.get(key, 0) + 1
    expected = {
        (f["algorithm"], f["from_segment_id"], f["to_segment_id"]): f["customers"] for f in flows
    }
    assert counts == expected


def test_other_delta_readers_can_open_every_table(segmented: Segmented, by_spark: Lake) -> None:
    for table in (*OUTPUTS, EVENTS, SESSIONS, INGEST_FILES, RUNS):
        for lake in (segmented.lake, by_spark):
            delta = DeltaTable(lake.name(table))
            assert delta.to_pyarrow_dataset().count_rows() == lake.read(table).count()
            protocol = delta.protocol()
            assert not protocol.reader_features
            assert protocol.min_reader_version == 1
            assert not {"deletionVectors", "columnMapping", "v2Checkpoint"} & set(
                protocol.writer_features or []
            )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--skip-ingest"], InputError, "there is no table .*/events; run ingest first"),
        (["--set", "model.features=['monetery']"], ConfigurationError, "mean 'monetary'"),
        (["--set", "model.algorithms=['kmean']"], ConfigurationError, "mean 'kmeans'"),
        (
            ["--set", "features.optional_families=['price_relativ']"],
            ConfigurationError,
            "mean 'price_relative'",
        ),
        (["--set", "model.preparation.clip=iqrs"], ConfigurationError, "mean 'iqr'"),
        (["--set", "model.preparation.scaling=standart"], ConfigurationError, "mean 'standard'"),
    ],
)
def test_mistakes_are_errors_before_any_work(
    lake_dir: Path, arguments: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(lake_dir, "--source", "ecommerce_events=README.md", *arguments)
    assert not lake_dir.exists()


def test_scoring_a_missing_lake_creates_no_lake(spark: SparkSession, lake_dir: Path) -> None:
    with pytest.raises(InputError, match=r"there is no table .*/events; run ingest first"):
        job("score").run([f"--lake={lake_dir}"])
    assert not lake_dir.exists()


def test_a_run_date_before_the_first_event_is_an_error(
    segmented: Segmented,
) -> None:
    with pytest.raises(InputError, match="no event before run date 2019-01-01"):
        run(segmented.lake.config.path, "--skip-ingest", "--run-date", "2019-01-01")
    assert len(segmented.rows(RUNS)) == 1
