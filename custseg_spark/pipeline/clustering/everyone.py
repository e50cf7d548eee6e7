"""All informed customers' prepared features as a frame, for fits of more than the sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
from pyspark.sql import DataFrame

from custseg_spark.core.clustering.buckets import Kernel, numbers
from custseg_spark.core.clustering.preparation import EVIDENCE, Preparation, matrix


class CustomerRows(Protocol):
    """The customers of a run, in the interface of `engine.partitions.FramedPortions`."""

    def rows(self, kernel: Kernel, columns: Sequence[str], ddl: str) -> DataFrame:
        """Return the rows that the kernel makes of each portion, for Spark."""


def informed_customers(customers: CustomerRows, preparation: Preparation, bar: int) -> DataFrame:
    """Return one row per customer with at least `bar` events, by id, with the preparation's
    features.

    One partition: MLlib adds floating sums in the order of the rows, and the result must not depend
    on cores or the way of IO. The rows needn't fit into memory.
    """
    names = preparation.names
    columns = list(dict.fromkeys(["customer_id", *names, EVIDENCE]))
    ddl = ", ".join(["customer_id string", *(f"`{name}` double" for name in names)])
    rows = customers.rows(_Prepared(preparation, bar), columns, ddl)
    return rows.repartition(1).sortWithinPartitions("customer_id").drop("customer_id")


@dataclass(frozen=True)
class _Prepared:
    preparation: Preparation
    bar: int

    def __call__(self, bucket: pa.Table) -> pa.Table:
        rows = bucket.filter(pa.array(numbers(bucket[EVIDENCE]) >= self.bar))
        names = self.preparation.names
        raw = {name: numbers(rows[name]) for name in [*names, EVIDENCE]}
        points = matrix(self.preparation, raw)
        prepared = {name: pa.array(points[:, i]) for i, name in enumerate(names)}
        ids = rows["customer_id"].cast(pa.string())
        return pa.table({"customer_id": ids, **prepared})
