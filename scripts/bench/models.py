"""Our indices and KMeans sweep against scikit-learn's on the same points, in a process of its own.

python -m bench.models indices POINTS MANY | sweep POINTS; prints a JSON object a line.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from custseg_spark.models import indices, layout, selection
from custseg_spark.models.indices import Indices
from custseg_spark.models.preparation import VECTOR
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from custseg_spark.config.model import FitConfig, ModelConfig
from custseg_spark.engine.spark.session import get_session, size_shuffles

KS = range(2, 9)
DIMENSIONS, TRUE_CLUSTERS, SEED = 11, 7, 7
# Standard deviation of a cluster's points, where the centres' is 1: neighbours overlap.
SPREAD = 0.7
SAMPLE = 10_000


def mixture(points: int) -> np.ndarray:
    """Points of overlapping Gaussians, as many dimensions as the model has features."""
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((TRUE_CLUSTERS, DIMENSIONS))
    drawn = centres[rng.integers(0, TRUE_CLUSTERS, points)]
    return np.asarray(drawn + SPREAD * rng.standard_normal(drawn.shape))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that a function takes, and what it returns."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def compare_indices(spark: SparkSession, points: int, *, is_exact: bool) -> dict[str, Any]:
    """Seconds of seven clusterings' indices: ours of all points, scikit-learn's of all or 10,000.

    `difference` is the largest of any index, relative to scikit-learn's; of a sample the largest
    of a silhouette, absolute.
    """
    x = mixture(points)
    labels = {f"k{k}": _nearest(x, x[:k]) for k in KS}
    clusterings = {f"k{k}": k for k in KS}
    frame = _frame(spark, x, labels)

    def ours() -> dict[str, Indices]:
        return indices.quality(frame, "point", clusterings, DIMENSIONS)

    first, _ = timed(ours)
    warm, found = timed(ours)
    if is_exact:
        theirs, other = timed(lambda: {n: _scikit(x, own) for n, own in labels.items()})
        difference = max(
            abs(a / b - 1)
            for name, scores in other.items()
            for a, b in zip(_scores(found[name]), scores, strict=True)
        )
    else:
        theirs, other = timed(lambda: {n: _sampled(x, own) for n, own in labels.items()})
        difference = max(abs(found[name].silhouette - score) for name, score in other.items())
    frame.unpersist()
    return {
        "points": points,
        "first": first,
        "warm": warm,
        "theirs": theirs,
        "is_exact": is_exact,
        "difference": difference,
    }


def _nearest(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    away = (centres**2).sum(axis=1) - 2 * (x @ centres.T)
    return np.asarray(away.argmin(axis=1), dtype=np.int32)


def _frame(spark: SparkSession, x: np.ndarray, labels: dict[str, np.ndarray]) -> DataFrame:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), DIMENSIONS)
    columns = {"point": lists.cast(pa.list_(pa.float64())), "row": np.arange(len(x)), **labels}
    frame = layout.laid_out(spark.createDataFrame(pa.table(columns)), "row", len(x)).persist()
    frame.count()
    return frame


def _scores(found: Indices) -> tuple[float, float, float]:
    assert found.davies_bouldin is not None
    assert found.calinski_harabasz is not None
    return found.silhouette, found.davies_bouldin, found.calinski_harabasz


def _scikit(x: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    return (
        float(silhouette_score(x, labels, metric="sqeuclidean")),
        float(davies_bouldin_score(x, labels)),
        float(calinski_harabasz_score(x, labels)),
    )


def _sampled(x: np.ndarray, labels: np.ndarray) -> float:
    score = silhouette_score(
        x, labels, metric="sqeuclidean", sample_size=min(SAMPLE, len(x)), random_state=SEED
    )
    return float(score)


def compare_sweeps(spark: SparkSession, points: int) -> dict[str, Any]:
    """Seconds of KMeans for k = 2 to 8 from one start, and our costs over theirs."""
    x = mixture(points)
    names = [f"x{i}" for i in range(DIMENSIONS)]
    local = layout.local_frame(spark, x, names)
    vectors = VectorAssembler(inputCols=names, outputCol=VECTOR).transform(local).select(VECTOR)
    config = ModelConfig(algorithms=("kmeans",), fit=FitConfig(starts=1))

    def ours() -> list[float]:
        models, _ = selection.fit_all(vectors, config.algorithms, list(KS), config)
        return [float(model.summary.trainingCost) for model in models.values()]  # type: ignore[union-attr]

    def theirs() -> list[float]:
        single = x.astype(np.float32)
        starts = [
            KMeans(k, n_init=1, max_iter=config.fit.max_iterations, random_state=SEED) for k in KS
        ]
        return [float(start.fit(single).inertia_) for start in starts]

    first, _ = timed(ours)
    warm, found = timed(ours)
    other, costs = timed(theirs)
    relative = sorted(a / b for a, b in zip(found, costs, strict=True))
    return {"points": points, "first": first, "warm": warm, "theirs": other, "costs": relative}


def main(what: str, sizes: list[int]) -> None:
    spark = get_session("custseg-benchmark")
    size_shuffles(spark, max(sizes))
    if what == "indices":
        exact, many = sizes
        print(json.dumps(compare_indices(spark, exact, is_exact=True)))
        print(json.dumps(compare_indices(spark, many, is_exact=False)))
    else:
        for points in sizes:
            print(json.dumps(compare_sweeps(spark, points)))


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]])
