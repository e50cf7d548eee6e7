"""A micro-batch to customers' current segments: events, then sessions, then segments.

Each step counts by one commit and changes nothing when it is done again: a file that the ledger
knows is not read, dates whose sessions are whole are not rebuilt, and the rows of the segments
follow from what is there. So a batch that was killed anywhere is simply run again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from custseg_spark import redaction
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from custseg_spark.engine.sources.arrivals import Arrival
from custseg_spark.errors import ConflictError
from custseg_spark.pipeline.dates import day_after_last_event
from custseg_spark.pipeline.ingest import INGESTED
from custseg_spark.pipeline.sessions import refresh_sessions
from custseg_spark.pipeline.stream import native, published, spark_frames
from custseg_spark.pipeline.stream.arriving import Brought, brought
from custseg_spark.pipeline.stream.kernel import CurrentKernel, Updated
from custseg_spark.pipeline.stream.published import PublishedModel
from custseg_spark.pipeline.stream.touched import customers_of
from custseg_spark.progress import Progress

log = redaction.logger()

# What a stream writes.
STREAMED = (*INGESTED, CURRENT_SEGMENTS)


@dataclass(frozen=True)
class BatchDone:
    """What a micro-batch did. `as_of` and `run_date` (of the model) are None without segments, and
    `why_not` says why; `is_everyone`: not only the touched customers have new rows."""

    number: int
    arrivals: int
    brought: Brought
    updated: Updated = field(default_factory=Updated)
    is_everyone: bool = False
    as_of: date | None = None
    run_date: date | None = None
    why_not: str = ""
    is_known: bool = False


@dataclass
class Follower:
    """Works off the micro-batches of one stream; holds the model between them.

    `stream_id` is that of the stream's checkpoint. `clock` tells the moment of ingest.
    """

    lake: Lake
    mapping: MappingFile
    config: Config
    stream_id: str
    clock: Callable[[], datetime]
    model: PublishedModel | None = None

    def work_off(self, number: int, arrivals: Sequence[Arrival]) -> BatchDone:
        """Works a batch off; where another run was in the way again, as often as configured.

        Raises ConflictError after the last try.
        """
        attempts = self.config.stream.attempts
        for attempt in range(1, attempts + 1):
            try:
                return self._work_off(number, arrivals)
            except ConflictError as error:
                if attempt == attempts:
                    raise
                log.info("batch %s again: %s", number, error)
                time.sleep(min(2.0**attempt, 30.0))
        raise AssertionError("no attempt")

    def _work_off(self, number: int, arrivals: Sequence[Arrival]) -> BatchDone:
        lake, progress = self.lake.renewed(), Progress(live=False)
        with lake.at_work():
            lake.create(STREAMED)
            transaction = (f"stream-{self.stream_id}", number)
            if lake.native and native.is_done(lake.native, transaction):
                return BatchDone(number, len(arrivals), Brought(), is_known=True)
            found = brought(lake, self.mapping, arrivals, self.config, progress, self.clock())
            refresh_sessions(lake, self.config.ingest, progress)
            done = BatchDone(number, len(arrivals), found)
            return self._with_segments(lake, done, [a.name for a in arrivals], transaction)

    def _with_segments(
        self, lake: Lake, done: BatchDone, names: Sequence[str], transaction: tuple[str, int]
    ) -> BatchDone:
        self.model, why = published.latest(lake, self.model)
        last = day_after_last_event(lake)
        if self.model is None or last is None:
            return replace(done, why_not=why or "there are no events")
        ranged = native.shared(lake.native) if lake.native else None
        held = ranged if lake.native else spark_frames.shared(lake)
        as_of = max(last, held.as_of) if held else last
        is_run_known = held is not None and held.model_run_id == self.model.run_id
        is_everyone = held is None or held.as_of != as_of or not is_run_known
        touched = None if is_everyone else customers_of(lake, names)
        kernel = CurrentKernel(self.model, as_of, self.config.model.stability.hysteresis)
        updated = Updated()
        if touched is None or not touched.is_empty():
            if lake.native:
                updated = native.update(lake, kernel, ranged, touched, transaction)
            else:
                with_run = not is_run_known
                updated = spark_frames.update(lake, kernel, touched, with_run=with_run)
        return replace(
            done,
            updated=updated,
            is_everyone=is_everyone,
            as_of=as_of,
            run_date=self.model.run_date,
            why_not=why,
        )
