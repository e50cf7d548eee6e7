"""Customer attributes become features where a lake has them (tests/unit/features: which)."""

from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.config.settings import Config, LakeConfig
from custseg_spark.core.features.demographics import DEMOGRAPHICS
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMERS
from custseg_spark.pipeline.features import with_demographics


def test_the_family_joins_where_the_lake_has_customer_attributes(
    spark: SparkSession, small_lake: Lake, tmp_path: Path
) -> None:
    config = Config()
    lake = Lake(spark, LakeConfig(path=str(tmp_path / "lake")))
    assert with_demographics(lake, config) is config
    lake.create([CUSTOMERS])
    assert with_demographics(lake, config) is config
    with_family = with_demographics(small_lake, config)
    assert with_family.features.optional_families == (DEMOGRAPHICS,)
    assert with_demographics(small_lake, with_family) is with_family
