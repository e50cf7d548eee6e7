"""A frame's rows as Arrow batches, one partition in the driver at a time."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame


def batches(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    """The rows in order, in batches of at most `spark.sql.execution.arrow.maxRecordsPerBatch`.

    Spark hands over local iterators row by row only: so a row here is a packed batch.
    """
    packed = frame.mapInArrow(_pack, "batch binary")
    # The next partition is computed while this one is written.
    for row in packed.toLocalIterator(prefetchPartitions=True):
        yield from pa.ipc.open_stream(row.batch)


def _pack(found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in found:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        packed = pa.array([sink.getvalue().to_pybytes()], pa.binary())
        yield pa.RecordBatch.from_arrays([packed], ["batch"])
