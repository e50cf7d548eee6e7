"""Turn a micro-batch into current segments: first events, then sessions, then segments.

Each step is one commit and changes nothing when it is repeated: files in the ledger aren't read
again, complete sessions aren't rebuilt, and segments follow from the lake's state. So a batch that
was killed anywhere is simply run again.
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
from custseg_spark.pipeline.stream.arriving import Ingested, ingest_arrivals
from custseg_spark.pipeline.stream.kernel import CurrentKernel, Updated
from custseg_spark.pipeline.stream.published import PublishedModel
from custseg_spark.pipeline.stream.touched import customers_of
from custseg_spark.progress import Progress

log = redaction.logger()

# The tables that a stream writes.
STREAMED = (*INGESTED, CURRENT_SEGMENTS)


@dataclass(frozen=True)
class BatchDone:
    """The result of a micro-batch.

    Without segments `as_of` and `run_date` (the model's) are None, and `why_not` is the reason.
    `is_everyone`: all customers have new rows, not only the touched ones.
    """

    number: int
    arrivals: int
    ingested: Ingested
    updated: Updated = field(default_factory=Updated)
    is_everyone: bool = False
    as_of: date | None = None
    run_date: date | None = None
    why_not: str = ""
    is_known: bool = False


@dataclass
class Follower:
    """Processes the micro-batches of one stream, and keeps the model between them.

    `stream_id` is the id of the stream's checkpoint. `clock` returns the time of ingest.
    """

    lake: Lake
    mapping: MappingFile
    config: Config
    stream_id: str
    clock: Callable[[], datetime]
    model: PublishedModel | None = None

    def work_off(self, number: int, arrivals: Sequence[Arrival]) -> BatchDone:
        """Process a batch; after a conflict with another run, try again as often as configured.

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
                return BatchDone(number, len(arrivals), Ingested(), is_known=True)
            ingested = ingest_arrivals(
                lake, self.mapping, arrivals, self.config, progress, self.clock()
            )
            refresh_sessions(lake, self.config.ingest, progress)
            done = BatchDone(number, len(arrivals), ingested)
            return self._with_segments(lake, done, [a.name for a in arrivals], transaction)

    def _with_segments(
        self, lake: Lake, done: BatchDone, names: Sequence[str], transaction: tuple[str, int]
    ) -> BatchDone:
        self.model, why = published.latest(lake, self.model)
        last = day_after_last_event(lake)
        if self.model is None or last is None:
            return replace(done, why_not=why or "there are no events")
        ranged = native.shared(lake.native) if lake.native else None
        shared = ranged if lake.native else spark_frames.shared(lake)
        as_of = max(last, shared.as_of) if shared else last
        is_run_known = shared is not None and shared.model_run_id == self.model.run_id
        is_everyone = shared is None or shared.as_of != as_of or not is_run_known
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
