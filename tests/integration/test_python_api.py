"""The Python API end to end: sources and frames through Spark, beside the caller's session."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from checkout import write_log
from polars.testing import assert_frame_equal
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import custseg_spark as cs
from custseg_spark.engine.spark.borrowing import require_delta, session_beside

SETTINGS = {
    "model.k": 3,
    "model.algorithms": ("kmeans", "bisecting_kmeans"),
    "model.stability.bootstraps": 3,
    "clv.enabled": False,
}
RUN_DATE = "2019-12-01"


def lines(customers: int = 90, seed: int = 3) -> list[str]:
    """A log of customers of three kinds: by how often they come, and what they pay."""
    rng = np.random.default_rng(seed)
    made = []
    for customer in range(customers):
        kind = customer % 3
        for n in range(4 + 8 * kind):
            day, minute = rng.integers(1, 31), rng.integers(0, 60)
            event = rng.choice(["view", "view", "cart", "purchase"][: 2 + kind])
            price = round(float(rng.random() * 10 ** (kind + 1)) + 1, 2)
            made.append(
                f"2019-11-{day:02d} 1{n % 10}:{minute:02d}:00 UTC,{event},{rng.integers(0, 40)},"
                f"{rng.integers(0, 5)},a.b,brand,{price},{5000 + customer},s{customer}-{day}"
            )
    return made


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bad = "2019-11-02 10:00:00 UTC,view,1,2,,,free,1,s"
    return write_log(tmp_path_factory.mktemp("api") / "log.csv", [*lines(), bad])


@pytest.fixture(scope="module")
def result(spark: SparkSession, log: Path) -> cs.Segmentation:
    return cs.segment(
        log,
        mapping="ecommerce_events",
        lake=log.parent / "lake",
        run_date=RUN_DATE,
        settings=SETTINGS,
    )


@pytest.fixture
def untouched(spark: SparkSession) -> Iterator[None]:
    """The session's settings are what they were, and it still runs."""
    before = spark.conf.getAll
    yield
    assert spark.conf.getAll == before
    assert spark.range(3).count() == 3


def test_a_file_is_segmented(result: cs.Segmentation, log: Path, untouched: None) -> None:
    assert result.ingested is not None
    assert (result.ingested.files, result.ingested.rejected) == (1, 1)
    assert result.segments["customers"].sum() == 90
    assert result.segments.height == 3
    again = cs.segment(
        log, mapping="ecommerce_events", lake=log.parent / "lake", run_date=RUN_DATE,
        settings=SETTINGS, again=True,
    )  # fmt: skip
    assert again.ingested is not None
    assert (again.ingested.read, again.ingested.known_files) == (0, 1)
    assert_frame_equal(again.segments.drop("status"), result.segments.drop("status"))


def test_customers_are_a_frame_of_the_callers_session(
    spark: SparkSession, result: cs.Segmentation, untouched: None
) -> None:
    customers = result.customers()
    assert customers.sparkSession is spark
    mine = spark.createDataFrame([("5000", "x")], "customer_id string, note string")
    joined = customers.join(mine, "customer_id").collect()
    assert [(row.customer_id, row.note) for row in joined] == [("5000", "x")]
    with_features = result.customers(features=True)
    assert with_features.where(F.col("event_count") >= 4).count() == 90
    assert result.customers.to_polars().height == 90


@pytest.mark.parametrize("algorithm", ["kmeans", "bisecting_kmeans"])
def test_every_customer_is_scored_as_the_batch_did(
    spark: SparkSession, result: cs.Segmentation, algorithm: str
) -> None:
    of = result.with_algorithm(algorithm)
    expected = of.customers.to_polars()
    features = of.lake.table("customer_features", run_date=of.run_date).sort("customer_id")
    scored = cs.score(features, model=of)
    names = [name for name in scored.columns if name in expected.columns]
    assert len(names) == 11
    assert_frame_equal(scored.select(names), expected.select(names), check_exact=True)
    frame = spark.createDataFrame(features.to_arrow())
    by_spark = cs.score(frame.repartition(3), model=of)
    assert by_spark.sparkSession is spark
    back = pl.DataFrame(pl.from_arrow(by_spark.toArrow())).sort("customer_id")
    assert_frame_equal(back.select(names), expected.select(names), check_exact=True)
    with pytest.raises(cs.InputError, match="'monetary' is string; expected numbers"):
        cs.score(frame.withColumn("monetary", F.col("customer_id")), model=of)


def as_frames(spark: SparkSession, log: Path) -> dict[str, Any]:
    frame = pl.read_csv(log, schema_overrides={"price": pl.String})
    return {
        "polars": frame,
        "pandas": frame.to_pandas(),
        "arrow, the other way round": frame.reverse().select(sorted(frame.columns)).to_arrow(),
        "spark": spark.createDataFrame(frame.to_arrow()).repartition(3),
    }


def test_the_same_rows_under_a_name_are_read_once_whatever_holds_them(
    spark: SparkSession, result: cs.Segmentation, log: Path, tmp_path: Path, untouched: None
) -> None:
    done = {}
    for kind, frame in as_frames(spark, log).items():
        done[kind] = cs.ingest(
            frame, mapping="ecommerce_events", lake=tmp_path / "lake", name="november"
        )
    first, *others = done.values()
    assert (first.files, first.rejected, first.known_files) == (1, 1, 0)
    assert [(d.read, d.known_files) for d in others] == [(0, 1)] * 3
    lake = cs.open_lake(tmp_path / "lake")
    [row] = lake.table("ingest_files").rows(named=True)
    assert (row["source_file"], row["physical_records"]) == ("november", first.read)
    assert row["accepted"] + row["rejected"] + row["duplicates"] == row["physical_records"]
    [refused] = lake.table("rejected_events").rows(named=True)
    assert (refused["source_file"], refused["source_row"]) == ("november", first.read)
    assert [reason["code"] for reason in refused["reasons"]] == ["not_a_number"]
    # The same event ids as the file's.
    ids = result.lake.table("events", ["event_id"])
    assert_frame_equal(lake.table("events", ["event_id"]).sort("event_id"), ids.sort("event_id"))
    assert not (tmp_path / "lake" / "_frames").exists()


def test_a_spark_frame_is_read_as_it_was_once(spark: SparkSession, tmp_path: Path) -> None:
    """A frame that Spark computes anew each time, with other values, is one input."""
    frame = spark.range(200).select(
        F.concat(F.lit("2024-01-01 10:00:"), F.lpad((F.col("id") % 60).cast("string"), 2, "0"))
        .alias("at"),
        F.round(F.rand() * 100, 2).alias("price"),
        F.concat(F.lit("c"), (F.col("id") % 7).cast("string")).alias("who"),
    )  # fmt: skip
    mapping = {
        "name": "shop",
        "columns": {"event_at": "at", "unit_price": "price", "customer_id": "who"},
        "event_type": "purchase",
        "event_at_formats": ["yyyy-MM-dd HH:mm:ss"],
    }
    for io in ("native", "spark"):
        done = cs.ingest(
            frame, mapping=mapping, lake=tmp_path / io, name="random", settings={"lake.io": io}
        )
        assert (done.read, done.accepted + done.duplicates) == (200, 200)
        rows = cs.open_lake(tmp_path / io).table("events")["source_row"]
        assert rows.is_between(1, 200).all()
        assert rows.n_unique() == len(rows)


def test_what_is_missing_is_said_before_anything_is_read(
    spark: SparkSession, log: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    frame = pl.DataFrame({"when": ["2024-01-01"]})
    with pytest.raises(cs.ConfigurationError, match="name: a frame takes one"):
        cs.ingest(frame, mapping="ecommerce_events", lake=lake)
    with pytest.raises(cs.InputError, match="mine: the frame has no column 'event_time'"):
        cs.ingest(frame, mapping="ecommerce_events", lake=lake, name="mine")
    with pytest.raises(cs.ConfigurationError, match="mapping: expected one"):
        cs.segment(log, lake=lake)
    with pytest.raises(cs.ConfigurationError, match="name: files have their own"):
        cs.segment(log, mapping="ecommerce_events", lake=lake, name="x")
    with pytest.raises(cs.ConfigurationError, match="unknown mapping 'ecommerce_event'; did you"):
        cs.segment(log, mapping="ecommerce_event", lake=lake)
    with pytest.raises(cs.ConfigurationError, match="unknown key 'kk'; did you mean 'k'"):
        cs.segment(log, mapping="ecommerce_events", lake=lake, settings={"model.kk": 3})
    with pytest.raises(cs.InputError, match="no readable file at"):
        cs.segment(tmp_path / "none.csv", mapping="ecommerce_events", lake=lake)
    with pytest.raises(cs.InputError, match=r"there is no table .*run ingest first"):
        cs.segment(lake=tmp_path / "no-lake", settings=SETTINGS)
    assert not (tmp_path / "no-lake").exists()


def test_an_error_of_a_library_is_one_of_ours(spark: SparkSession, log: Path) -> None:
    broken = spark.range(3).select(F.raise_error(F.lit("No space left on device")).alias("x"))
    mapping = {
        "columns": {"customer_id": "x", "event_at": "x"},
        "event_type": "view",
        "event_at_formats": ["yyyy-MM-dd"],
    }
    with pytest.raises(cs.ResourceError, match="No space left on device"):
        cs.ingest(broken, mapping=mapping, lake=log.parent / "broken", name="broken")
    assert not (log.parent / "broken" / "_frames").exists()


def test_a_session_without_delta_is_told_how_to_start_one(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = spark.newSession()
    bare.conf.set("spark.sql.catalog.spark_catalog", "in.memory")
    with pytest.raises(cs.ConfigurationError) as caught:
        session_beside(bare)
    said = str(caught.value)
    assert "spark.sql.catalog.spark_catalog is 'in.memory', expected" in said
    assert "configure_spark_with_delta_pip(builder).getOrCreate()" in said
    # Databricks says nothing of its Delta.
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    require_delta(bare)


def test_our_settings_are_in_a_session_beside(spark: SparkSession) -> None:
    theirs = spark.newSession()
    theirs.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    theirs.conf.set("spark.custseg.mine", "kept")
    ours = session_beside(theirs)
    assert ours.conf.get("spark.sql.session.timeZone") == "UTC"
    assert ours.conf.get("spark.custseg.mine") == "kept"
    assert theirs.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    assert ours.sparkContext is theirs.sparkContext
