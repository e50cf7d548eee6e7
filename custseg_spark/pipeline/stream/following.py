"""A stream from its source to the lake: micro-batches as they come, each worked off once."""

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
    """A batch that was worked off: its seconds, and when the oldest of what it brought came."""

    batch: BatchDone
    seconds: float
    oldest: datetime | None


@dataclass(frozen=True)
class Stream:
    """What a stream reads, by which mapping, and where it keeps its place."""

    source: StreamSource
    mapping: MappingFile
    checkpoint: Place

    def arrived(
        self, lake: Lake, config: Config, frame: DataFrame, number: int, staging: Path
    ) -> AbstractContextManager[Sequence[Arrival]]:
        """What a batch brings, as files for the block."""
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
    told: Callable[[Worked], None],
    is_to_stop: Callable[[], bool],
) -> None:
    """Works off what arrives until it is to stop; without an interval, what there is.

    `told` hears of each batch; the one under way is ended before it stops. Raises ConflictError
    where another run is in the way for too long.
    """
    follower: Follower | None = None
    parent = Path(config.ingest.staging).absolute() if config.ingest.staging else None

    def work_off(frame: DataFrame, number: int) -> None:
        nonlocal follower
        began = time.monotonic()
        if follower is None:
            own = stream_id(lake.spark, stream.checkpoint)
            follower = Follower(lake, stream.mapping, config, own, now)
        with stream.arrived(lake, config, frame, number, staging) as found:
            oldest = min((a.at for a in found if a.at), default=None)
            done = follower.work_off(number, found)
        told(Worked(done, time.monotonic() - began, oldest))

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
