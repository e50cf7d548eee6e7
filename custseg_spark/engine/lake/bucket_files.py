"""Notes in the footers of files of customers' rows: their buckets and their number of events."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.files import PartWriter

_EVENTS, _BOUNDS = "custseg.events", "custseg.buckets"


def note_buckets(part: PartWriter, bounds: Sequence[int]) -> None:
    """Note where the buckets of a file's row groups begin, and where the last one's end."""
    part.note(_BOUNDS, json.dumps(list(bounds)))


def note_events(part: PartWriter, events: int) -> None:
    """Note how many events a file's session parts are made of."""
    part.note(_EVENTS, str(events))


def events_of(path: Path) -> int:
    """How many events a file's parts are made of."""
    with damage.named(path):
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
