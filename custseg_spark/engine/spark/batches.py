"""Fetch a frame's rows as Arrow batches, with one small partition in the driver at a time.

Workers import this module, so it imports little.
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from custseg_spark.engine.spark.session import settings

# The driver holds a partition, and the next one that is computed meanwhile. By default Spark sorts
# into as few partitions as there are cores, whatever their size.
_SMALL_PARTITIONS = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "8m",
}
# The JVM holds bytes several times over on their way to Python.
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def batches(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, in batches of at most
    `spark.sql.execution.arrow.maxRecordsPerBatch`.

    Spark's local iterators yield row by row only, so a row here is a packed batch.
    """
    packed = frame.mapInArrow(_pack, "batch binary")
    with settings(frame.sparkSession, _SMALL_PARTITIONS):
        for row in packed.toLocalIterator(prefetchPartitions=True):
            yield from pa.ipc.open_stream(row.batch)


def _pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_COMPRESSED) as stream:
            stream.write_batch(batch)
        packed = pa.array([sink.getvalue().to_pybytes()], pa.binary())
        yield pa.RecordBatch.from_arrays([packed], ["batch"])
