"""Every customer's segment, how near it is, the runner-up, and what put the customer there."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame

from custseg_spark.engine.lake.spark_io import struct_type
from custseg_spark.models.scan import points

# The segments are numbered from the most to the least valuable by these coordinates.
VALUE_FEATURES = ("monetary", "frequency", "session_count")
TOP_FEATURES = 3

PASSED_THROUGH = ("customer_id", "monetary", "rfm_r", "rfm_f", "rfm_m", "rfm_group")
SCHEMA = (
    "customer_id string, monetary decimal(28,4), rfm_r int, rfm_f int, rfm_m int,"
    " rfm_group string, probabilities array<double>, cluster int, segment_id int, distance double,"
    " second_segment_id int, margin double, top_features array<string>"
)


def order_by_value(centroids: np.ndarray, names: Sequence[str]) -> list[int]:
    """The clusters from the most to the least valuable.

    By the mean of the centroid's scaled monetary, frequency and session_count, those that are in
    the matrix (of all coordinates where none is); at a tie by the coordinates in order.
    """
    value = [i for i, name in enumerate(names) if name in VALUE_FEATURES]
    worth = centroids[:, value or slice(None)].mean(axis=1)
    return sorted(range(len(centroids)), key=lambda c: (-worth[c], *(-centroids[c])))


def assign(
    scored: DataFrame,
    vector: str,
    label: str,
    centroids: np.ndarray,
    segment_ids: Sequence[int],
    names: Sequence[str],
    *,
    probabilities: Column,
) -> DataFrame:
    """One row a customer: segment, distance to its centroid, the second segment, the margin.

    `margin` is the distance to the nearest other centroid less the distance to the own one, in
    scaled units; `top_features` are the largest contributions to the difference of the squared
    distances, by feature. `vector` is an array column, `label` the model's prediction,
    `segment_ids` those of the clusters by position, `probabilities` are passed through.
    """
    segment_of = np.array(segment_ids, dtype=np.int32)
    words = np.array(names, dtype=object)
    schema = _arrow_schema()

    def annotate(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if not batch.num_rows:
                continue
            x = points(batch.column(0))
            own = np.asarray(batch.column(1))
            columns = _annotations(x, own, centroids)
            cluster, distance, second, margin, top = columns
            yield pa.RecordBatch.from_arrays(
                [
                    *batch.columns[2:],
                    pa.array(cluster.astype(np.int32)),
                    pa.array(segment_of[cluster]),
                    pa.array(distance),
                    pa.array(segment_of[second], mask=second < 0),
                    pa.array(margin, mask=second < 0),
                    pa.array(list(words[top]), pa.list_(pa.string())),
                ],
                schema=schema,
            )

    passed: list[Column | str] = [*PASSED_THROUGH, probabilities.alias("probabilities")]
    return scored.select(vector, label, *passed).mapInArrow(annotate, SCHEMA)


def _annotations(
    x: np.ndarray, own: np.ndarray, centroids: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = np.arange(len(x))
    squared = ((x[:, None, :] - centroids[None]) ** 2).sum(axis=2)
    distance = np.sqrt(squared[rows, own])
    others = squared.copy()
    others[rows, own] = np.inf
    second = others.argmin(axis=1) if len(centroids) > 1 else np.full(len(x), -1)
    rival = centroids[second]
    margin = np.sqrt(others[rows, second]) - distance
    contributions = (x - rival) ** 2 - (x - centroids[own]) ** 2
    top = np.argsort(-contributions, axis=1, kind="stable")[:, :TOP_FEATURES]
    return own, distance, second, margin, top


def _arrow_schema() -> pa.Schema:
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(struct_type(SCHEMA))
