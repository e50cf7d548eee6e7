"""Of two runs of a date that publish at once the later one is refused, each way of IO."""

from datetime import date
from pathlib import Path

import literal_lake
import pytest
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake import publication
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, RUNS, SEGMENT_PROFILES
from custseg_spark.errors import ConflictError

NOW = date(2021, 4, 1)
BY_RUN = (CUSTOMER_SEGMENTS, SEGMENT_PROFILES)


@pytest.fixture(params=["native", "spark"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A lake in which the date has a run, whose customer is in segment 1."""
    made = Lake(spark, LakeConfig(path=str(tmp_path / "lake"), io=request.param))
    made.create([*BY_RUN, RUNS])
    run(publication.as_read(made), 1)
    return made


def run(began: Lake, segment_id: int) -> str:
    """A run that began when the lake was as it is here; its id."""
    with publication.of_run(began, NOW) as own:
        segment = {**literal_lake.segment(NOW, "c1", segment_id), "run_id": own.run_id}
        profile = {**literal_lake.profile(NOW, segment_id), "run_id": own.run_id}
        own.append_to_each(
            {
                CUSTOMER_SEGMENTS: literal_lake.of(CUSTOMER_SEGMENTS, [segment]),
                SEGMENT_PROFILES: literal_lake.of(SEGMENT_PROFILES, [profile]),
            }
        )
        own.publish(literal_lake.of(RUNS, [{**literal_lake.run(NOW), "run_id": own.run_id}]))
    return own.run_id


def test_of_two_publications_at_once_the_later_is_refused_and_leaves_no_row(lake: Lake) -> None:
    began = publication.as_read(lake)
    quick = run(publication.as_read(lake), 2)
    with pytest.raises(ConflictError, match="runs meanwhile"):
        run(began, 3)
    lake.settle()
    assert list(lake.run_ids().values()) == [quick]
    everything = NativeLake(Path(lake.config.path))
    for table in BY_RUN:
        # Also of rows that nobody sees none is left.
        assert everything.read(table)["run_id"].to_pylist() == [quick]
        assert lake.rows(table)["segment_id"].to_pylist() == [2]
