"""Who writes a lake: tasks themselves where its folder is shared, Spark anywhere else."""

import logging
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.errors import ConfigurationError

ELSEWHERE = [
    (LakeConfig(path="s3a://shop/lake"), "s3a://shop/lake, because it isn't a folder of this"),
    (
        LakeConfig(path="/Volumes/main/shop/lake"),
        "because its file system only looks like a folder",
    ),
    (LakeConfig(catalog="main.shop"), "main.shop, because a catalog decides where its tables are"),
]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "custseg")
    return caplog


@pytest.mark.parametrize("io", ["auto", "native"])
def test_tasks_write_a_lake_in_a_folder_of_this_machine(
    spark: SparkSession, tmp_path: Path, logged: pytest.LogCaptureFixture, io: str
) -> None:
    native = Lake(spark, LakeConfig(path=str(tmp_path / "lake"), io=io)).native
    assert native is not None
    assert native.root == tmp_path / "lake"
    # To look leaves nothing behind.
    assert list(tmp_path.iterdir()) == []
    assert not logged.records


@pytest.mark.parametrize(("config", "message"), ELSEWHERE, ids=["s3", "volume", "catalog"])
def test_spark_writes_any_other_lake_and_the_log_says_why_once(
    spark: SparkSession, logged: pytest.LogCaptureFixture, config: LakeConfig, message: str
) -> None:
    lake = Lake(spark, config)
    assert [lake.native, lake.native] == [None, None]
    [record] = logged.records
    assert record.levelname == "INFO"
    assert record.getMessage().startswith("lake.io: Spark writes ")
    assert message in record.getMessage()


def test_lake_io_spark_is_obeyed_without_a_warning(
    spark: SparkSession, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    assert Lake(spark, LakeConfig(path=str(tmp_path), io="spark")).native is None
    assert not logged.records


def test_a_folder_that_cannot_be_written_is_left_to_spark(
    spark: SparkSession, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert Lake(spark, LakeConfig(path=str(tmp_path / "file" / "lake"))).native is None
    [record] = logged.records
    assert "because a file can't be written or linked there" in record.getMessage()


@pytest.mark.parametrize(
    "config",
    [LakeConfig(path="s3a://shop/lake", io="native"), LakeConfig(catalog="shop", io="native")],
    ids=["s3", "catalog"],
)
def test_native_io_is_refused_for_a_remote_lake(spark: SparkSession, config: LakeConfig) -> None:
    with pytest.raises(ConfigurationError, match=r'lake\.io = "native" is not possible: '):
        _ = Lake(spark, config).native
