"""Keep customers' current segments while events arrive, by Spark's Structured Streaming.

Each micro-batch is validated and stored as ingest does it. Then its customers are assigned with the
model of the lake's latest run, in the table current_segments. A customer changes segment only if
the margin passes model.stability.hysteresis. A killed stream continues without loss when it is
started again.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark.session import get_session
from custseg_spark.engine.spark.streaming import (
    DeltaRows,
    KafkaTopic,
    LandingFolder,
    StreamSource,
)
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import stream_metrics
from custseg_spark.interfaces.cli.stopping import asked_to_stop
from custseg_spark.interfaces.cli.stream_arguments import (
    DELTA,
    KAFKA,
    StreamArguments,
    parse_stream,
)
from custseg_spark.interfaces.cli.stream_metrics import StreamMetrics
from custseg_spark.paths import place
from custseg_spark.pipeline.stream.following import Stream, Worked
from custseg_spark.pipeline.stream.following import run as follow


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = parse_stream(__doc__ or "", argv)
    metrics = _metrics(given)
    # One line per batch; its stages would be ten.
    logging.getLogger("custseg").setLevel(logging.WARNING)
    lake = Lake(get_session("custseg-stream", given.config.lake.umask), given.config.lake)

    def report(worked: Worked) -> None:
        now = clock.now()
        print(stream_metrics.line(worked, now), flush=True)
        if metrics:
            metrics.tell(worked, now)

    stream = Stream(_source(given), given.mapping, given.checkpoint)
    # Stopping a stream needs no traceback: it continues at the same place.
    with asked_to_stop(_say_that_it_stops) as is_to_stop, suppress(KeyboardInterrupt):
        follow(
            lake,
            stream,
            given.config,
            interval_s=given.interval_s,
            now=clock.now,
            report=report,
            is_to_stop=is_to_stop,
        )


def _say_that_it_stops() -> None:
    print("stops after this batch; again: at once", file=sys.stderr, flush=True)


def _metrics(given: StreamArguments) -> StreamMetrics | None:
    if given.metrics_file is None and given.metrics_port is None:
        return None
    return StreamMetrics(given.metrics_file, given.metrics_port, given.metrics_host)


def _source(given: StreamArguments) -> StreamSource:
    limits = given.config.stream
    if given.kind == KAFKA:
        servers, topic = given.topic
        return KafkaTopic(servers, topic, limits.max_records, given.kafka_options)
    folder = place(given.where)
    if given.kind == DELTA:
        return DeltaRows(folder, limits.max_files)
    return LandingFolder(folder, limits.max_files)
