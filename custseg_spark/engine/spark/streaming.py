"""Sources of Structured Streaming and the query that hands over their micro-batches.

Spark notes in the checkpoint which files or offsets a batch has before it begins, and that it is
done after it has ended: a batch that was interrupted comes again, with the same content.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.engine.spark.file_systems import read_bytes
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.paths import Place, spark_uri

# What Spark's `binaryFile` tells of a file; the content is not read unless it is asked for.
_FILES = "path string, modificationTime timestamp, length long, content binary"
# Else a file that is older by a week than the youngest would be passed over.
_NO_AGE = "365000d"
_SECONDS_BETWEEN_LOOKS = 1
Batch = Callable[[DataFrame, int], None]


class StreamSource(Protocol):
    """What a stream reads."""

    def frame(self, spark: SparkSession) -> DataFrame:
        """Return the stream's frame."""


@dataclass(frozen=True)
class LandingFolder:
    """A folder in which files arrive whole; a batch has at most `most` new ones of them.

    Its rows are files: `path`, `modificationTime`.
    """

    folder: Place
    most: int

    def frame(self, spark: SparkSession) -> DataFrame:
        """Return the files of the folder and of its subfolders, but for hidden ones."""
        reader = spark.readStream.format("binaryFile").schema(_FILES)
        options = {"recursiveFileLookup": "true", "maxFileAge": _NO_AGE}
        reader = reader.options(maxFilesPerTrigger=str(self.most), **options)
        return reader.load(spark_uri(self.folder)).select("path", "modificationTime")


@dataclass(frozen=True)
class DeltaRows:
    """A Delta table to which rows are appended; a batch has at most `most` files of it."""

    folder: Place
    most: int

    def frame(self, spark: SparkSession) -> DataFrame:
        """Return the table's rows, in its own columns."""
        reader = spark.readStream.format("delta").option("maxFilesPerTrigger", str(self.most))
        return reader.load(spark_uri(self.folder))


@dataclass(frozen=True)
class KafkaTopic:
    """A topic whose messages are JSON objects; a batch has about `most` of them.

    `options` are those of Kafka's own clients, such as `security.protocol`. Its rows are messages:
    `partition`, `offset`, `timestamp`, `value`.
    """

    servers: str
    topic: str
    most: int
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def reader_options(self) -> dict[str, str]:
        """Return the options of Spark's Kafka source."""
        kafka_options = {f"kafka.{name}": value for name, value in self.options.items()}
        return {
            **kafka_options,
            "kafka.bootstrap.servers": self.servers,
            "subscribe": self.topic,
            "startingOffsets": "earliest",
            "maxOffsetsPerTrigger": str(self.most),
            # Messages that Kafka has dropped unread are reported, not skipped.
            "failOnDataLoss": "true",
        }

    def frame(self, spark: SparkSession) -> DataFrame:
        """The topic's messages. Raises ConfigurationError where Spark lacks the connector."""
        try:
            frame = spark.readStream.format("kafka").options(**self.reader_options()).load()
        except PySparkException as error:
            if "kafka" not in str(error).lower():
                raise
            raise ConfigurationError(
                "Spark lacks its Kafka connector: spark-submit --packages"
                f" org.apache.spark:spark-sql-kafka-0-10_2.13:{spark.version} jobs/stream.py …"
            ) from error
        return frame.select("partition", "offset", "timestamp", F.col("value").cast("binary"))


def stream_id(spark: SparkSession, checkpoint: Place) -> str:
    """The id that Spark has given the stream of a checkpoint: another checkpoint has another."""
    content = read_bytes(spark, checkpoint / "metadata")
    if content is None:
        raise InputError(f"{checkpoint} holds no checkpoint of a stream")
    return str(json.loads(content)["id"])


def follow(
    frame: DataFrame,
    batch: Batch,
    *,
    name: str,
    checkpoint: Place,
    interval_s: float | None,
    is_to_stop: Callable[[], bool],
) -> None:
    """Calls `batch` with each micro-batch and its number, until it is to stop.

    The batch under way is ended first. Without an interval until all that is there has been read.
    Raises what `batch` has raised.
    """
    errors: list[BaseException] = []
    at_work, stopped = threading.Lock(), threading.Event()

    def noted(rows: DataFrame, number: int) -> None:
        with at_work:
            if stopped.is_set():
                # To return would mean that it is done.
                raise InterruptedError(f"batch {number} is for the next start")
            try:
                batch(rows, number)
            except BaseException as error:
                # Through the JVM it would come back as a text.
                errors.append(error)
                raise

    writer = frame.writeStream.queryName(name).foreachBatch(noted)
    writer = writer.option("checkpointLocation", spark_uri(checkpoint))
    if interval_s is None:
        writer = writer.trigger(availableNow=True)
    else:
        writer = writer.trigger(processingTime=f"{round(interval_s * 1000)} milliseconds")
    query = writer.start()
    try:
        while not query.awaitTermination(_SECONDS_BETWEEN_LOOKS):
            if is_to_stop():
                with at_work:
                    stopped.set()
                break
    except PySparkException:
        if errors:
            raise errors[0] from None
        raise
    finally:
        query.stop()
    if errors:
        raise errors[0]
