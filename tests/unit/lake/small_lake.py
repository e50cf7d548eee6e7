"""A lake of one small table for the tests of commits, and files of it."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import MODEL_SELECTION

FIRST, SECOND = date(2019, 10, 1), date(2019, 10, 2)


def small_lake(root: Path) -> NativeLake:
    lake = NativeLake(root)
    lake.create([MODEL_SELECTION])
    return lake


def rows(table: Table, *literal: dict[str, Any]) -> pa.Table:
    """Literal rows of the table, null where nothing is said."""
    return pa.Table.from_pylist(list(literal), schema=table.schema)


def choice(lake: NativeLake, day: date, k: int, run_id: str = "run") -> DataFile:
    """A file of one row, written and not committed."""
    row = rows(MODEL_SELECTION, {"run_date": day, "algorithm": "kmeans", "k": k})
    folder = lake.folder(MODEL_SELECTION)
    return write_part(row, MODEL_SELECTION, folder, day, run_id=run_id, task=0, of_run=run_id)


def held(lake: NativeLake) -> set[tuple[date, int]]:
    table = lake.read(MODEL_SELECTION, ["run_date", "k"])
    return {(row["run_date"], row["k"]) for row in table.to_pylist()}
