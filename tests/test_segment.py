"""The main job end to end, on a generated log of a few thousand events."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.ours import published
from conftest import job
from custseg_spark.models import algorithms, store
from custseg_spark.models.layout import in_sample
from custseg_spark.models.preparation import VECTOR
from custseg_spark.pipeline.trial import limited
from deltalake import DeltaTable
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.settings import LakeConfig, RunConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
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
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.paths import place

DAY = date(2019, 10, 11)
OUTPUTS = (CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, SEGMENT_PROFILES, MODEL_SELECTION)
QUICK = (
    "--set=model.selection.k_max=3",
    "--set=model.fit.bisecting_iterations=5",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=3",
    "--set=report.enabled=false",
)


@dataclass(frozen=True)
class Segmented:
    """A log, the lake that the job made of it, and the customers in the log."""

    log: Path
    lake: Lake
    customers: int

    def read(self, table: Table) -> DataFrame:
        return self.lake.read(table)

    def model(self, name: str) -> Path:
        return Path(str(place(self.lake.model_path(name))))


def run(lake_dir: Path, *arguments: str) -> None:
    job("segment").run(["--lake", str(lake_dir), *QUICK, *arguments])


@pytest.fixture(scope="module")
def segmented(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segmented]:
    folder = tmp_path_factory.mktemp("segment")
    log = folder / "events.csv"
    generate("--events", "3000", "--customers", "420", "--days", "10", "--out", str(log))
    run(folder / "lake", "--source", f"ecommerce_events={log}")
    lines = log.read_text().splitlines()[1:]
    customers = len({line.split(",")[7] for line in lines})
    yield Segmented(log, Lake(spark, LakeConfig(path=str(folder / "lake"))), customers)
    shutil.rmtree(folder, ignore_errors=True)


def generate(*arguments: str) -> None:
    import subprocess
    import sys

    script = Path(__file__).parent.parent / "scripts" / "generate_events.py"
    subprocess.run([sys.executable, str(script), *arguments], check=True, capture_output=True)


def rows(frame: DataFrame, *order: str) -> list[Row]:
    return frame.orderBy(*order).collect()


def content(lake: Lake) -> dict[str, list[Any]]:
    """Every output table's rows, in an order of their own."""
    return {t.name: sorted(map(repr, lake.read(t).collect())) for t in OUTPUTS}


def test_every_customer_has_one_segment_an_algorithm(segmented: Segmented) -> None:
    segments = segmented.read(CUSTOMER_SEGMENTS)
    counts = segments.groupBy("algorithm").agg(
        F.count("*").alias("rows"), F.countDistinct("customer_id").alias("customers")
    )
    assert {tuple(r) for r in counts.collect()} == {
        ("kmeans", segmented.customers, segmented.customers),
        ("bisecting_kmeans", segmented.customers, segmented.customers),
    }
    assert segments.where(F.col("run_date") != F.lit(DAY)).isEmpty()
    at = F.date_format("prediction_timestamp", "yyyy-MM-dd HH:mm:ss.SSSSSS")
    stamps = {row[0] for row in segments.select(at).distinct().collect()}
    assert stamps == {f"{DAY.isoformat()} 00:00:00.000000"}


def test_profiles_add_up_to_all_customers_and_all_revenue(segmented: Segmented) -> None:
    total = segmented.read(CUSTOMER_FEATURES).agg(F.sum("monetary")).collect()[0][0]
    for row in (
        segmented.read(SEGMENT_PROFILES)
        .groupBy("algorithm")
        .agg(
            F.sum("customers").alias("customers"),
            F.sum("customer_share").alias("share"),
            F.sum("revenue").alias("revenue"),
            F.sum("revenue_share").alias("revenue_share"),
        )
        .collect()
    ):
        assert row.customers == segmented.customers
        assert row.share == pytest.approx(1)
        assert row.revenue == total
        assert row.revenue_share == pytest.approx(1)


def test_profile_means_are_those_of_the_segments_customers(segmented: Segmented) -> None:
    members = segmented.read(CUSTOMER_SEGMENTS).where("algorithm = 'kmeans'")
    features = segmented.read(CUSTOMER_FEATURES).drop("run_date")
    joined = members.select("customer_id", "segment_id").join(features, "customer_id", how="inner")
    local = joined.select("segment_id", "event_count", "bounce_rate").toPandas()
    everyone = local["bounce_rate"]
    for row in rows(segmented.read(SEGMENT_PROFILES).where("algorithm = 'kmeans'"), "segment_id"):
        own = local[local["segment_id"] == row.segment_id]
        assert row.features["event_count"]["mean"] == pytest.approx(own["event_count"].mean())
        z_score = (own["bounce_rate"].mean() - everyone.mean()) / everyone.std(ddof=0)
        assert row.features["bounce_rate"]["z_score"] == pytest.approx(z_score)


def test_one_k_an_algorithm_is_chosen_and_each_says_why(segmented: Segmented) -> None:
    tried = rows(segmented.read(MODEL_SELECTION), "algorithm", "k")
    assert [(r.algorithm, r.k) for r in tried] == [
        (a, k) for a in ("bisecting_kmeans", "kmeans") for k in (2, 3)
    ]
    for algorithm in ("kmeans", "bisecting_kmeans"):
        assert sum(r.chosen for r in tried if r.algorithm == algorithm) == 1
    assert all(r.why and r.customers == segmented.customers for r in tried)


def test_the_benchmark_reads_what_a_run_published(segmented: Segmented) -> None:
    found = published(Path(segmented.lake.config.path))
    [manifest] = segmented.read(RUNS).collect()
    assert [feature.name for feature in found.prepared] == manifest.features
    chosen = segmented.read(MODEL_SELECTION).where("chosen AND algorithm = 'kmeans'")
    assert found.k == chosen.collect()[0].k
    ids, labels = found.labels()
    assert sorted(ids) == sorted(found.column("customer_id"))
    assert len(labels) == segmented.customers
    assert found.column("event_count").sum() == segmented.read(EVENTS).count()


def test_the_manifest_tells_what_was_run(segmented: Segmented) -> None:
    [manifest] = segmented.read(RUNS).collect()
    assert manifest.run_date == DAY
    assert manifest.row_counts["customers"] == segmented.customers
    assert set(manifest.models) == {"kmeans", "bisecting_kmeans"}
    assert "fit models" in manifest.stage_seconds
    assert manifest.table_versions["events"] == segmented.lake.version(EVENTS)


def test_a_repeat_changes_nothing(segmented: Segmented, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(segmented.lake)
    with pytest.raises(InputError, match="there is no earlier run with one; fit first"):
        run(segmented.log.parent / "lake", "--skip-ingest", "--model", "frozen")
    assert content(segmented.lake) == before
    written: list[str] = []
    replace_dates = Lake.replace_dates

    def noted(self: Lake, df: DataFrame, table: Table, dates: Any, **options: Any) -> None:
        written.append(table.name)
        replace_dates(self, df, table, dates, **options)

    monkeypatch.setattr(Lake, "replace_dates", noted)
    events = segmented.lake.version(EVENTS)
    (segmented.log.parent / "beside").mkdir()
    roundabout = segmented.log.parent / "beside" / ".." / segmented.log.name
    run(segmented.log.parent / "lake", "--source", f"ecommerce_events={roundabout}")
    assert content(segmented.lake) == before
    assert segmented.lake.version(EVENTS) == events
    assert segmented.read(RUNS).count() == 1
    # While it is made again it is no finished run.
    assert (written[0], written[-1], written.count("runs")) == ("runs", "runs", 2)


def test_another_run_date_is_finished_after_a_kill_and_leaves_the_first_alone(
    segmented: Segmented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "lake"
    shutil.copytree(segmented.log.parent / "lake", copy)
    lake = Lake(segmented.lake.spark, LakeConfig(path=str(copy)))
    arguments = ("--skip-ingest", "--run-date", "2019-10-06")
    replace_dates = Lake.replace_dates

    def killed(self: Lake, df: DataFrame, table: Table, dates: Any, **options: Any) -> None:
        if table is SEGMENT_PROFILES:
            raise KeyboardInterrupt
        replace_dates(self, df, table, dates, **options)

    monkeypatch.setattr(Lake, "replace_dates", killed)
    with pytest.raises(KeyboardInterrupt):
        run(copy, *arguments)
    monkeypatch.undo()
    assert [r.run_date for r in lake.read(RUNS).collect()] == [DAY]

    run(copy, *arguments)
    assert {r.run_date for r in lake.read(RUNS).collect()} == {DAY, date(2019, 10, 6)}
    before = content(segmented.lake)
    for table in OUTPUTS:
        kept = lake.read(table).where(F.col("run_date") == F.lit(DAY))
        assert sorted(map(repr, kept.collect())) == before[table.name]
    early = lake.read(CUSTOMER_FEATURES).where(F.col("run_date") == F.lit(date(2019, 10, 6)))
    seen = lake.read(EVENTS).where("event_date < '2019-10-06'")
    assert early.count() == seen.select("customer_id").distinct().count()
    assert early.agg(F.sum("event_count")).collect()[0][0] == seen.count()


def test_file_order_and_partitions_change_nothing(
    spark: SparkSession, segmented: Segmented, tmp_path: Path
) -> None:
    header, *lines = segmented.log.read_text().splitlines()
    random.Random(8).shuffle(lines)
    folder = tmp_path / "log"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.csv").write_text("\n".join([header, *lines[n::3]]) + "\n")
    set_before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "8")
    try:
        run(tmp_path / "lake", "--source", f"ecommerce_events={folder}")
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(set_before))
    shuffled = Lake(spark, LakeConfig(path=str(tmp_path / "lake")))
    assert content(shuffled) == content(segmented.lake)


def test_margin_and_reasons_are_those_of_the_centroids(
    spark: SparkSession, segmented: Segmented
) -> None:
    [manifest] = segmented.read(RUNS).collect()
    model, saved = store.load(spark, segmented.lake.model_path(manifest.models["kmeans"]))
    customers = segmented.read(CUSTOMER_FEATURES)
    taken = [f.column() for f in saved.preparation.features]
    prepared = customers.select("customer_id", *taken)
    scored = model.transform(prepared).select(
        "customer_id", vector_to_array(VECTOR).alias("x"), model.stages[-1].getPredictionCol()
    )
    points = {r[0]: (np.array(r[1]), r[2]) for r in scored.collect()}
    centres = algorithms.centres(store.clusterer(model))
    names = [f.name for f in saved.features]
    mean = np.mean([x for x, _ in points.values()], axis=0)
    shrunk = 0
    members = segmented.read(CUSTOMER_SEGMENTS).where("algorithm = 'kmeans'").collect()
    for row in members:
        x, cluster = points[row.customer_id]
        assert cluster == row.cluster
        assert saved.segment_ids[cluster] == row.segment_id
        distances = np.linalg.norm(centres - x, axis=1)
        assert row.distance == pytest.approx(distances[cluster])
        second = saved.segment_ids.index(row.second_segment_id)
        assert distances[second] == pytest.approx(np.delete(distances, cluster).min())
        assert row.margin == pytest.approx(distances[second] - distances[cluster])
        top = names.index(row.top_features[0])
        contributions = (x - centres[second]) ** 2 - (x - centres[cluster]) ** 2
        assert contributions[top] == pytest.approx(contributions.max())
        x[top] = mean[top]
        moved = np.linalg.norm(centres - x, axis=1)
        shrunk += moved[second] - moved[cluster] < row.margin
    assert shrunk > len(members) / 2


def test_segments_are_numbered_from_the_most_valuable(segmented: Segmented) -> None:
    means = [
        r.features["monetary"]["mean"]
        for r in rows(segmented.read(SEGMENT_PROFILES).where("algorithm = 'kmeans'"), "segment_id")
    ]
    assert means[0] == max(means)


def test_a_damaged_model_is_noticed(
    spark: SparkSession, segmented: Segmented, tmp_path: Path
) -> None:
    [manifest] = segmented.read(RUNS).collect()
    copy = tmp_path / "model"
    shutil.copytree(segmented.model(manifest.models["kmeans"]), copy)
    store.load(spark, str(copy))
    data = next((copy / "model" / "stages").glob("*KMeans*")) / "data"
    for part in data.glob("*.parquet"):
        part.unlink()
    with pytest.raises(InputError, match=r"model at .* (can't be read|has 0 centres)"):
        store.load(spark, str(copy))
    shutil.rmtree(copy / "manifest")
    with pytest.raises(InputError, match="no model with a manifest"):
        store.load(spark, str(copy))


def test_a_manifest_of_other_features_is_refused(
    spark: SparkSession, segmented: Segmented, tmp_path: Path
) -> None:
    [manifest] = segmented.read(RUNS).collect()
    copy = tmp_path / "model"
    shutil.copytree(segmented.model(manifest.models["kmeans"]), copy)
    part = next((copy / "manifest").glob("part-*"))
    for checksum in (copy / "manifest").glob(".*.crc"):
        checksum.unlink()
    text = part.read_text()
    first, second = store.load(spark, str(copy))[1].preparation.names[:2]
    part.write_text(text.replace(first, "x").replace(second, first).replace('"x"', f'"{second}"'))
    with pytest.raises(InputError, match="its manifest says"):
        store.load(spark, str(copy))


@pytest.mark.parametrize("limit", [RunConfig(sample_fraction=0.5), RunConfig(max_rows=1000)])
def test_trial_limits_take_whole_customers(segmented: Segmented, limit: RunConfig) -> None:
    def events_by_customer(sessions: DataFrame) -> dict[str, int]:
        counts = sessions.groupBy("customer_id").agg(F.sum("event_count"))
        return dict(counts.collect())  # type: ignore[arg-type]

    everyone = events_by_customer(segmented.read(SESSIONS))
    taken = events_by_customer(limited(segmented.read(SESSIONS), limit, DAY))
    assert 0 < len(taken) < len(everyone)
    assert taken.items() <= everyone.items()
    assert sum(taken.values()) <= (limit.max_rows or sum(everyone.values()))


def test_a_limit_that_leaves_nobody_says_what_it_takes(segmented: Segmented) -> None:
    with pytest.raises(ConfigurationError, match=r"run.max_rows = 1: expected at least \d+, the"):
        limited(segmented.read(SESSIONS), RunConfig(max_rows=1), DAY)


def test_a_sample_of_a_trial_is_a_sample(segmented: Segmented) -> None:
    sessions = limited(segmented.read(SESSIONS), RunConfig(sample_fraction=0.5), DAY)
    customers = sessions.select("customer_id").distinct().persist()
    count = customers.count()
    sampled = customers.where(in_sample(count // 4, count)).count()
    assert count / 8 < sampled < count / 2


def test_an_optional_family_and_other_preparations(segmented: Segmented, tmp_path: Path) -> None:
    copy = tmp_path / "lake"
    shutil.copytree(segmented.log.parent / "lake", copy)
    assert segmented.read(CUSTOMER_FEATURES).where("price_tier IS NOT NULL").isEmpty()
    family = 'features.optional_families=["price_relative"]'
    others = (
        "model.preparation.scaling=robust",
        "model.preparation.pca_components=3",
        "model.k=3",
        "model.preparation.clip=none",
        'model.algorithms=["kmeans", "gaussian_mixture"]',
        'model.selection.compare=["dbscan", "agglomerative"]',
    )
    run(copy, "--skip-ingest", *[a for key in (family, *others) for a in ("--set", key)])
    lake = Lake(segmented.lake.spark, LakeConfig(path=str(copy)))
    tiers = lake.read(CUSTOMER_FEATURES).select("price_tier", "discount_share")
    assert tiers.where("price_tier IS NULL OR price_tier NOT BETWEEN 0 AND 1").isEmpty()
    assert not tiers.where("price_tier > 0").isEmpty()
    segments = lake.read(CUSTOMER_SEGMENTS)
    assert segments.groupBy("algorithm", "segment_id").count().count() == 2 * 3
    assert segments.select(F.explode("top_features")).distinct().count() == 3
    assert lake.version(EVENTS) == segmented.lake.version(EVENTS)
    soft = segments.where("algorithm = 'gaussian_mixture'").select("segment_id", "memberships")
    for row in soft.collect():
        assert sum(row.memberships.values()) == pytest.approx(1)
        assert max(row.memberships, key=row.memberships.__getitem__) == row.segment_id
    tried = {r.algorithm: r for r in lake.read(MODEL_SELECTION).where("NOT chosen").collect()}
    assert tried.keys() == {"dbscan", "agglomerative"}
    assert all(-1 <= r.agreement <= 1 and "comparison only" in r.why for r in tried.values())


def test_published_models_score_another_date(segmented: Segmented, tmp_path: Path) -> None:
    copy = tmp_path / "lake"
    shutil.copytree(segmented.log.parent / "lake", copy)
    lake = Lake(segmented.lake.spark, LakeConfig(path=str(copy)))
    later = date(2019, 10, 13)
    more = ("--set=report.enabled=false", f"--run-date={later}")
    job("score").run([f"--lake={copy}", *more, f"--model-date={DAY}"])
    [first, second] = rows(lake.read(RUNS), "run_date")
    # No path: the copy has its own.
    assert all(name.startswith(f"run_date={DAY}/") for name in first.models.values())
    assert (second.model_use, second.fitted_on, second.previous_run_date) == ("score", DAY, DAY)
    assert second.models.keys() == first.models.keys()
    profiles = rows(lake.read(SEGMENT_PROFILES), "run_date", "algorithm", "segment_id")
    named = [(r.algorithm, r.segment_id, r.segment_name, r.born_on) for r in profiles]
    assert named[: len(named) // 2] == named[len(named) // 2 :]
    assert {r.status for r in profiles if r.run_date == later} == {"continued"}
    moved = lake.read(SEGMENT_MIGRATIONS).groupBy("algorithm").agg(F.sum("customers").alias("n"))
    assert {r.n for r in moved.collect()} == {segmented.customers}
    segments = [f"--lake={copy}", "--skip-ingest", *QUICK, *more]
    tiers = "--set=features.optional_families=['price_relative']"
    with_tiers = "--set=model.features=['monetary','price_tier','active_span_days']"
    job("segment").run([*segments, tiers, with_tiers, "--model=fit"])
    late = f"--run-date={date(2019, 10, 20)}"
    with pytest.raises(ConfigurationError, match="takes price_tier, of a family"):
        job("score").run([f"--lake={copy}", *more, late])
    with pytest.raises(ConfigurationError, match="expected another run date than the one to be"):
        job("score").run([f"--lake={copy}", *more, f"--model-date={later}"])
    with pytest.raises(InputError, match=r"no run of 2019-10-12 in .*; there are 2019-10-11, 2019"):
        job("score").run([f"--lake={copy}", *more, "--model-date=2019-10-12"])
    shutil.rmtree(copy / "models" / f"run_date={DAY}")
    with pytest.raises(InputError, match="there is no model with a manifest at"):
        job("score").run([f"--lake={copy}", *more, f"--model-date={DAY}"])
    assert [r.run_date for r in rows(lake.read(RUNS), "run_date")] == [DAY, later]


def test_other_delta_readers_can_open_every_table(segmented: Segmented) -> None:
    for table in (*OUTPUTS, EVENTS, SESSIONS, INGEST_FILES, RUNS):
        delta = DeltaTable(segmented.lake.name(table))
        assert delta.to_pyarrow_dataset().count_rows() == segmented.read(table).count()
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
def test_mistakes_are_told_before_any_work(
    lake_dir: Path, arguments: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(lake_dir, "--source", "ecommerce_events=README.md", *arguments)
    assert not lake_dir.exists()


def test_a_run_date_before_the_first_event_is_an_error(
    segmented: Segmented, run_job: Callable[..., None]
) -> None:
    with pytest.raises(InputError, match="no event before run date 2019-01-01"):
        run(segmented.log.parent / "lake", "--skip-ingest", "--run-date", "2019-01-01")
    assert segmented.read(RUNS).count() == 1
