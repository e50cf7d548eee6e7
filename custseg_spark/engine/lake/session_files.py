"""Notes in the footers of files of session parts: their events, and the buckets of row groups."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from custseg_spark.engine.lake.files import PartWriter

_EVENTS, _BOUNDS = "custseg.events", "custseg.buckets"


def note(part: PartWriter, events: int, bounds: Sequence[int]) -> None:
    """Notes how many events a file's parts are made of, and where its row groups' buckets begin."""
    part.note(_EVENTS, str(events))
    part.note(_BOUNDS, json.dumps(list(bounds)))


def events_of(path: Path) -> int:
    """How many events a file's parts are made of."""
    notes = pq.read_metadata(path).metadata or {}
    if _EVENTS.encode() in notes:
        return int(notes[_EVENTS.encode()])
    # A file that Spark has written.
    counts = pq.read_table(path, columns=["event_count"], partitioning=None)["event_count"]
    return int(pc.sum(counts).as_py() or 0)


def bucket_bounds(footer: pq.FileMetaData) -> list[int] | None:
    """The first bucket of each row group and the end of the last; None of a file without notes."""
    notes = footer.metadata or {}
    text = notes.get(_BOUNDS.encode())
    return None if text is None else [int(bound) for bound in json.loads(text)]
