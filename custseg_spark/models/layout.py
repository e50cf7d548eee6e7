"""Where rows lie: in partitions and an order that depend on the rows alone.

MLlib's result depends on the layout of its input, and so does every floating sum; cores and
shuffle settings must not.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

HASH_STEPS = 1_000_000
_ROWS_PER_PARTITION = 50_000


def laid_out(frame: DataFrame, key: str, rows: int) -> DataFrame:
    """`frame` by its unique `key`, in as many partitions as `rows` call for."""
    partitions = max(1, -(-rows // _ROWS_PER_PARTITION))
    return frame.repartition(partitions, key).sortWithinPartitions(key)


def local_frame(spark: SparkSession, matrix: np.ndarray, names: Sequence[str]) -> DataFrame:
    """A driver's small matrix as a frame, its rows in one order, numbered by `row`."""
    columns = {name: matrix[:, i] for i, name in enumerate(names)}
    frame = spark.createDataFrame(pa.table({**columns, "row": np.arange(len(matrix))}))
    return laid_out(frame, "row", len(matrix))


def hash_step() -> Column:
    """A customer's place from 0 to a million, by a hash of the id: for samples that stay."""
    return F.pmod(F.xxhash64("customer_id"), F.lit(HASH_STEPS))


def in_sample(size: int, customers: int) -> Column:
    """Whether a customer is among about `size` of that many customers (all, if it is enough)."""
    steps = round(min(1.0, size / customers) * HASH_STEPS)
    return hash_step() < max(1, steps)
