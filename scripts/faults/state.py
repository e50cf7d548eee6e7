"""What a lake holds, read without Spark: results by run date, and whether its ledger adds up."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa

from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import (
    BY_RUN,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    RUNS,
)


def results(root: Path) -> Mapping[date, str]:
    """A digest of each published run's rows of all tables, whatever its id."""
    lake, rows_by_table = NativeLake(root), {}
    if not lake.exists(RUNS):
        return {}
    for run in lake.read(RUNS, ["run_date", RUN_ID]).to_pylist():
        digest = hashlib.sha256()
        for table in BY_RUN:
            files = [f for f in lake.files(table, [run["run_date"]]) if f.run_id == run[RUN_ID]]
            rows = lake.read_files(table, files).drop_columns([RUN_ID])
            digest.update("\n".join(sorted(map(repr, rows.to_pylist()))).encode())
        rows_by_table[run["run_date"]] = digest.hexdigest()[:12]
    return rows_by_table


def strangers(root: Path) -> set[str]:
    """The ids in the tables by run of runs that `runs` doesn't hold."""
    lake = NativeLake(root)
    published = set(lake.read(RUNS, [RUN_ID])[RUN_ID].to_pylist())
    in_files = {str(file.run_id) for table in BY_RUN for file in lake.files(table)}
    return in_files - published


def leftovers(root: Path) -> list[str]:
    """Files of dead runs: in `_runs`, and Parquet that no version of a table has."""
    lake, names = NativeLake(root), [p.name for p in (root / "_runs").glob("*")]
    for table in (*BY_RUN, EVENTS, INGEST_FILES, REJECTED_EVENTS, RUNS):
        if not lake.exists(table):
            continue
        log = lake.folder(table) / "_delta_log"
        log_text = "".join(file.read_text("utf-8") for file in log.glob("*.json"))
        files = lake.folder(table).rglob("*.parquet")
        names += [f.name for f in files if f.parent != log and f.name not in log_text]
    return names


def ledger_faults(root: Path) -> list[str]:
    """Where the ledger doesn't add up, or the tables don't agree with it."""
    lake = NativeLake(root)
    rows = lake.read(INGEST_FILES).to_pylist()
    faults = []
    of_file = {
        table: _by_file(lake.read(table, ["file_id"])) for table in (EVENTS, REJECTED_EVENTS)
    }
    for row in rows:
        parts = sum(row[n] for n in ("header", "blank", "accepted", "rejected", "duplicates"))
        if parts != row["physical_records"]:
            faults.append(f"{row['source_file']}: {parts} of {row['physical_records']} records")
        for table, name in ((EVENTS, "accepted"), (REJECTED_EVENTS, "rejected")):
            held = of_file[table].pop(row["file_id"], 0)
            if held != row[name]:
                faults.append(f"{row['source_file']}: {row[name]} {name}, {table.name} has {held}")
    for table, left in of_file.items():
        faults += [f"{table.name}: {count} rows of a file without a row" for count in left.values()]
    return faults


def _by_file(table: pa.Table) -> Counter[str]:
    return Counter(table["file_id"].to_pylist())
