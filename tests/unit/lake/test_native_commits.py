"""Commits without Spark: of two writers one wins, and no unfit file becomes part of a table."""

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier, Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from small_lake import FIRST, SECOND, choice, held, rows, small_lake

from custseg_spark.engine.lake.commits import (
    Change,
    append,
    commit,
    replace_all,
    replace_dates,
)
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import CUSTOMERS, MODEL_SELECTION
from custseg_spark.errors import ConflictError, ResourceError


@pytest.fixture
def lake(tmp_path: Path) -> NativeLake:
    return small_lake(tmp_path / "lake")


def test_an_append_adds_and_a_date_is_replaced_while_others_stay(lake: NativeLake) -> None:
    assert append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0) == 1
    assert append(lake, MODEL_SELECTION, [choice(lake, SECOND, 3)], read_version=1) == 2
    four = [choice(lake, FIRST, 4), choice(lake, FIRST, 5)]
    assert replace_dates(lake, MODEL_SELECTION, [FIRST], four, read_version=2) == 3
    assert held(lake) == {(FIRST, 4), (FIRST, 5), (SECOND, 3)}


def test_a_table_is_replaced_whole(lake: NativeLake) -> None:
    lake.create([CUSTOMERS])
    for number, name in enumerate(["Ann", "Bob"]):
        customers = rows(CUSTOMERS, {"customer_id": "7", "name": name})
        folder = lake.folder(CUSTOMERS)
        file = write_part(customers, CUSTOMERS, folder, None, run_id="run", task=0)
        replace_all(lake, CUSTOMERS, [file], read_version=number)
    assert lake.read(CUSTOMERS, ["name"]).to_pylist() == [{"name": "Bob"}]


def test_of_two_appends_from_one_version_the_later_is_a_conflict(lake: NativeLake) -> None:
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)
    with pytest.raises(ConflictError, match="another run wrote") as conflict:
        append(lake, MODEL_SELECTION, [choice(lake, SECOND, 3)], read_version=0)
    assert conflict.value.exit_code == 5
    assert held(lake) == {(FIRST, 2)}


def test_of_two_replacements_of_an_empty_date_the_later_is_a_conflict(lake: NativeLake) -> None:
    replace_dates(lake, MODEL_SELECTION, [FIRST], [choice(lake, FIRST, 2)], read_version=0)
    with pytest.raises(ConflictError, match="another run wrote"):
        replace_dates(lake, MODEL_SELECTION, [FIRST], [choice(lake, FIRST, 3)], read_version=0)
    assert held(lake) == {(FIRST, 2)}


def test_replacements_of_other_dates_meanwhile_are_no_conflict(lake: NativeLake) -> None:
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)
    replace_dates(lake, MODEL_SELECTION, [SECOND], [choice(lake, SECOND, 3)], read_version=0)
    replace_dates(lake, MODEL_SELECTION, [FIRST], [choice(lake, FIRST, 4)], read_version=1)
    assert held(lake) == {(FIRST, 4), (SECOND, 3)}


def test_an_append_to_another_date_meanwhile_is_a_conflict(lake: NativeLake) -> None:
    replace_dates(lake, MODEL_SELECTION, [SECOND], [choice(lake, SECOND, 3)], read_version=0)
    with pytest.raises(ConflictError):
        append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)


def writers_at_once(
    lake: NativeLake, write: Callable[[NativeLake, int], int], writers: int
) -> list[type]:
    """What each of several threads got that all began at one version."""
    outcomes: list[type] = []
    barrier = Barrier(writers)

    def run(number: int) -> None:
        barrier.wait()
        try:
            outcomes.append(type(write(lake, number)))
        except ConflictError as error:
            outcomes.append(type(error))

    threads = [Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def append_one(lake: NativeLake, number: int) -> int:
    return append(lake, MODEL_SELECTION, [choice(lake, FIRST, number)], read_version=0)


def replace_first(lake: NativeLake, number: int) -> int:
    files = [choice(lake, FIRST, number)]
    return replace_dates(lake, MODEL_SELECTION, [FIRST], files, read_version=0)


@pytest.mark.parametrize("write", [append_one, replace_first])
def test_of_many_writers_at_once_one_wins(
    lake: NativeLake, write: Callable[[NativeLake, int], int]
) -> None:
    outcomes = writers_at_once(lake, write, 6)
    assert sorted(outcomes, key=str) == sorted([int] + [ConflictError] * 5, key=str)
    assert len(held(lake)) == 1


def test_many_writers_of_a_date_each_all_succeed(lake: NativeLake) -> None:
    def replace_own(lake: NativeLake, number: int) -> int:
        day = date(2019, 10, 1 + number)
        files = [choice(lake, day, number)]
        return replace_dates(lake, MODEL_SELECTION, [day], files, read_version=0)

    assert writers_at_once(lake, replace_own, 6) == [int] * 6
    assert held(lake) == {(date(2019, 10, 1 + n), n) for n in range(6)}


def append_in_a_process(root: Path, number: int, begin: float) -> None:
    lake = NativeLake(root)
    file = choice(lake, FIRST, number)
    time.sleep(max(0, begin - time.time()))
    try:
        append(lake, MODEL_SELECTION, [file], read_version=0)
    except ConflictError as error:
        raise SystemExit(error.exit_code) from error


def test_of_processes_that_append_at_once_one_wins(lake: NativeLake) -> None:
    spawn = multiprocessing.get_context("spawn")
    begin = time.time() + 3
    writers = [
        spawn.Process(target=append_in_a_process, args=(lake.root, number, begin))
        for number in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(str(writer.exitcode) for writer in writers) == ["0", "5", "5"]
    assert len(held(lake)) == 1


def test_maintenance_is_no_conflict_but_a_restore_is(lake: NativeLake) -> None:
    folder = lake.folder(MODEL_SELECTION)
    for version, k in enumerate([2, 3]):
        append(lake, MODEL_SELECTION, [choice(lake, FIRST, k)], read_version=version)
    DeltaTable(folder).optimize.compact()
    DeltaTable(folder).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert append(lake, MODEL_SELECTION, [choice(lake, FIRST, 4)], read_version=2) == 6
    assert held(lake) == {(FIRST, 2), (FIRST, 3), (FIRST, 4)}
    DeltaTable(folder).optimize.compact()
    files = [choice(lake, FIRST, 5)]
    replace_dates(lake, MODEL_SELECTION, [FIRST], files, read_version=6)
    assert held(lake) == {(FIRST, 5)}

    read = lake.version(MODEL_SELECTION)
    DeltaTable(folder).restore(0)
    with pytest.raises(ConflictError):
        append(lake, MODEL_SELECTION, [choice(lake, FIRST, 6)], read_version=read)


def test_an_application_s_transaction_happens_once(lake: NativeLake) -> None:
    load = Change(MODEL_SELECTION, 0, [choice(lake, FIRST, 2)], transaction=("ingest:abc", 1))
    commit(lake, load)
    again = replace(load, read_version=1, adds=[choice(lake, FIRST, 2)])
    with pytest.raises(ConflictError):
        commit(lake, again)
    assert lake.version(MODEL_SELECTION) == 1


def test_a_file_of_another_date_is_refused(lake: NativeLake) -> None:
    files = [choice(lake, FIRST, 2), choice(lake, SECOND, 2)]
    with pytest.raises(ValueError, match="isn't replaced"):
        replace_dates(lake, MODEL_SELECTION, [FIRST], files, read_version=0)


def test_a_file_in_another_date_s_folder_is_refused(lake: NativeLake) -> None:
    file = replace(choice(lake, FIRST, 2), day=SECOND)
    with pytest.raises(ValueError, match="isn't in the folder of 2019-10-02"):
        append(lake, MODEL_SELECTION, [file], read_version=0)


def test_a_file_twice_is_refused(lake: NativeLake) -> None:
    file = choice(lake, FIRST, 2)
    with pytest.raises(ValueError, match="a file twice"):
        append(lake, MODEL_SELECTION, [file, file], read_version=0)


def test_a_file_that_the_driver_does_not_see_as_written_is_refused(lake: NativeLake) -> None:
    missing, short = choice(lake, FIRST, 2), choice(lake, FIRST, 3)
    (lake.folder(MODEL_SELECTION) / missing.path).unlink()
    path = lake.folder(MODEL_SELECTION) / short.path
    path.write_bytes(path.read_bytes()[:-7])
    for file in (missing, short, replace(choice(lake, FIRST, 4), rows=2)):
        with pytest.raises(ResourceError):
            append(lake, MODEL_SELECTION, [file], read_version=0)
    assert lake.version(MODEL_SELECTION) == 0


@pytest.mark.parametrize(
    "columns",
    [
        MODEL_SELECTION.file_schema.remove(0),
        MODEL_SELECTION.file_schema.set(1, pa.field("k", pa.int64())),
        MODEL_SELECTION.file_schema.append(pa.field("more", pa.timestamp("ns"))),
        MODEL_SELECTION.schema,
    ],
    ids=["lacks a column", "wider k", "one more", "with the partition"],
)
def test_a_file_of_another_schema_is_refused(lake: NativeLake, columns: pa.Schema) -> None:
    name = "run_date=2019-10-01/run_id=run/part-00000-run-0.parquet"
    path = lake.folder(MODEL_SELECTION) / name
    path.parent.mkdir(parents=True)
    pq.write_table(columns.empty_table(), path)
    file = DataFile(name, FIRST, 0, path.stat().st_size, run_id="run")
    with pytest.raises(ValueError, match="aren't the table's"):
        append(lake, MODEL_SELECTION, [file], read_version=0)


def test_a_replacement_by_nothing_has_to_be_meant(lake: NativeLake) -> None:
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)
    with pytest.raises(ValueError, match="no dates to replace"):
        replace_dates(lake, MODEL_SELECTION, [], [], read_version=1)
    with pytest.raises(ValueError, match="no rows for 2019-10-01"):
        replace_dates(lake, MODEL_SELECTION, [FIRST], [], read_version=1)
    replace_dates(lake, MODEL_SELECTION, [FIRST], [], read_version=1, may_be_empty=True)
    assert held(lake) == set()


def test_an_append_without_files_is_a_commit(lake: NativeLake) -> None:
    assert append(lake, MODEL_SELECTION, [], read_version=0) == 1


def test_a_failure_after_the_commit_is_no_conflict(
    lake: NativeLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_it = DeltaTable.create_write_transaction

    def fail_late(self: DeltaTable, *args: object, **options: object) -> None:
        commit_it(self, *args, **options)  # type: ignore[arg-type]
        raise CommitFailedError("the checkpoint couldn't be written")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", fail_late)
    assert append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0) == 1


def test_a_checkpoint_keeps_the_table_as_it_is(lake: NativeLake) -> None:
    for version in range(3):
        append(lake, MODEL_SELECTION, [choice(lake, FIRST, version)], read_version=version)
    DeltaTable(lake.folder(MODEL_SELECTION)).create_checkpoint()
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 3)], read_version=3)
    assert held(lake) == {(FIRST, k) for k in range(4)}


def test_a_commit_tells_other_writers_that_it_read_the_table(lake: NativeLake) -> None:
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)
    log = lake.folder(MODEL_SELECTION) / "_delta_log" / f"{1:020d}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    info = next(a["commitInfo"] for a in actions if "commitInfo" in a)
    assert info["isBlindAppend"] is False
    assert next(a["txn"] for a in actions if "txn" in a)["appId"] == "custseg-spark"
