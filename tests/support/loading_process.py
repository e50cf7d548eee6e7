"""A load in a process of its own, which a test can kill."""

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import pyarrow as pa

from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.outputs.exports.targets import parse_target

# Forked, it would have the locks of the tests' threads, and nobody to release them.
_SPAWN = multiprocessing.get_context("spawn")

Tables = list[tuple[ReportTable, list[pa.RecordBatch]]]


def process(to: str, tables: Tables) -> BaseProcess:
    """A process that loads tables."""
    started: BaseProcess = _SPAWN.Process(target=load, args=(to, tables), daemon=True)
    started.start()
    return started


def stuck_process(to: str, tables: Tables) -> BaseProcess:
    """A process that hangs while it stages the first table, once all of its rows were taken."""
    is_stuck = _SPAWN.Event()
    started: BaseProcess = _SPAWN.Process(target=load, args=(to, tables, is_stuck), daemon=True)
    started.start()
    assert is_stuck.wait(60)
    return started


def load(to: str, tables: Tables, is_stuck: Event | None = None) -> None:
    """Loads tables as jobs/export.py does."""
    with parse_target(to).opened() as loading:
        for table, batches in tables:
            loading.stage(table, _fed(batches, is_stuck))
        loading.publish()


def _fed(batches: list[pa.RecordBatch], is_stuck: Event | None) -> Iterator[pa.RecordBatch]:
    yield from batches
    if is_stuck:
        is_stuck.set()
        time.sleep(600)
