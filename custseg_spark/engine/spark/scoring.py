"""A kernel over a frame of the caller's, in the caller's session."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import NumericType

from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.sources.formats.parquet import quoted
from custseg_spark.engine.spark import tasks
from custseg_spark.errors import InputError, nearest

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.Table]]


def map_customers(
    frame: DataFrame, ids: Sequence[str], numbers: Sequence[str], kernel: Kernel, made: pa.Schema
) -> DataFrame:
    """What the kernel makes of the frame's ids and numbers; lazily, as every frame of Spark's.

    The result has the ids and then the columns of `made`. Raises InputError for a column that
    isn't there, or isn't one of numbers.
    """
    types = {field.name: field.dataType for field in frame.schema.fields}
    for name in numbers:
        if name not in types:
            raise InputError(f"the frame has no column '{name}', which the model reads"
                             f"{nearest(name, types)}")  # fmt: skip
        if not isinstance(types[name], NumericType):
            raise InputError(
                f"the column '{name}' is {types[name].simpleString()}; expected numbers"
            )
    ours = [f"{field.name} {ddl_type(field.type)}" for field in made]
    ddl = ", ".join([*(f"{quoted(i)} {types[i].simpleString()}" for i in ids), *ours])
    columns = list(dict.fromkeys([*ids, *numbers]))
    return tasks.map_partitions(frame.select(*map(quoted, columns)), kernel, ddl)
