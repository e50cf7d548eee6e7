"""Which lakes are written: those whose events say the format of this version."""

from pathlib import Path

import pytest
from deltalake import DeltaTable

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMERS, EVENTS
from custseg_spark.errors import InputError


def lake(folder: Path) -> Lake:
    return Lake(None, LakeConfig(path=str(folder), io="native"))  # type: ignore[arg-type]


def test_a_new_lake_and_one_of_this_version_are_written(tmp_path: Path) -> None:
    with lake(tmp_path).at_work():
        lake(tmp_path).create([EVENTS, CUSTOMERS])
    with lake(tmp_path).at_work():
        pass


def test_a_lake_without_a_format_is_refused_with_advice(tmp_path: Path) -> None:
    DeltaTable.create(
        str(tmp_path / "events"), EVENTS.schema, partition_by=list(EVENTS.partitioned_by)
    )
    with pytest.raises(InputError) as refused, lake(tmp_path).at_work():
        pass
    assert str(refused.value) == (
        f"{tmp_path}/events was made by custseg-spark 0.1, whose event ids are others: make a new"
        " lake of the sources. Its segments get the ids and names of this one's by"
        f" custseg segment --lake NEW_LAKE --continue-from {tmp_path}"
    )
    assert refused.value.exit_code == 3
