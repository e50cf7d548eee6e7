"""Follow a stream from its source into the lake: each micro-batch is processed once."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyspark.sql import DataFrame

from custseg_spark import scratch
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.sources import arrivals
from custseg_spark.engine.sources.arrivals import Arrival
from custseg_spark.engine.spark.streaming import (
    DeltaRows,
    KafkaTopic,
    LandingFolder,
    StreamSource,
    follow,
    stream_id,
)
from custseg_spark.paths import Place, Remote, place
from custseg_spark.pipeline.stream import BatchDone, Follower


@dataclass(frozen=True)
class Worked:
    """A processed batch: its seconds, and the arrival time of its oldest record."""

    batch: BatchDone
    seconds: float
    oldest: datetime | None


@dataclass(frozen=True)
class Stream:
    """A stream's source, its mapping, and its checkpoint."""

    source: StreamSource
    mapping: MappingFile
    checkpoint: Place

    def arrived(
        self, lake: Lake, config: Config, frame: DataFrame, number: int, staging: Path
    ) -> AbstractContextManager[Sequence[Arrival]]:
        """Return a batch's arrivals as files, which exist within the block."""
        source = self.source
        if isinstance(source, LandingFolder):
            return _listed(frame)
        if isinstance(source, KafkaTopic):
            name = f"kafka://{source.servers}/{source.topic} batch {number}"
            return arrivals.of_messages(frame, name, staging)
        assert isinstance(source, DeltaRows)
        name = f"{source.folder} batch {number}"
        beside = place(config.ingest.staging or config.lake.path)
        beside = beside if isinstance(beside, Remote) else Path(beside).absolute()
        return arrivals.of_rows(lake.spark, frame, name, self.mapping, beside)


@contextmanager
def _listed(frame: DataFrame) -> Iterator[Sequence[Arrival]]:
    yield arrivals.of_files(frame.collect())


def run(
    lake: Lake,
    stream: Stream,
    config: Config,
    *,
    interval_s: float | None,
    now: Callable[[], datetime],
    report: Callable[[Worked], None],
    is_to_stop: Callable[[], bool],
) -> None:
    """Process arrivals until `is_to_stop`; without an interval, those that are there now.

    `report` is called after each batch. The current batch is finished before the stream stops.
    Raises ConflictError if another run blocks it for too long.
    """
    follower: Follower | None = None
    parent = Path(config.ingest.staging).absolute() if config.ingest.staging else None

    def work_off(frame: DataFrame, number: int) -> None:
        nonlocal follower
        began = time.monotonic()
        if follower is None:
            checkpoint_id = stream_id(lake.spark, stream.checkpoint)
            follower = Follower(lake, stream.mapping, config, checkpoint_id, now)
        with stream.arrived(lake, config, frame, number, staging) as files:
            oldest = min((a.at for a in files if a.at), default=None)
            done = follower.work_off(number, files)
        report(Worked(done, time.monotonic() - began, oldest))

    with scratch.folder("custseg-stream-", parent) as staging:
        frame = stream.source.frame(lake.spark)
        name = f"custseg {stream.mapping.name}"
        follow(
            frame,
            work_off,
            name=name,
            checkpoint=stream.checkpoint,
            interval_s=interval_s,
            is_to_stop=is_to_stop,
        )
