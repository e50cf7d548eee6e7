"""Our indices and KMeans sweep against scikit-learn's on the same points, in a process of its own.

python -m bench.models indices POINTS MANY | sweep POINTS; prints a JSON object a line.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from sklearn.cluster import KMeans as TheirKMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from custseg_spark.core.clustering.buckets import Kernel
from custseg_spark.core.clustering.evaluation import evaluate
from custseg_spark.core.clustering.indices import Indices
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.preparation import EVIDENCE, Preparation, PreparedFeature
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.engine.spark import tasks
from custseg_spark.engine.spark.mllib import fit_kmeans
from custseg_spark.engine.spark.mllib_models import core_scaler
from custseg_spark.engine.spark.mllib_scaling import sample_in_mllib
from custseg_spark.engine.spark.session import get_session

KS = range(2, 9)
DIMENSIONS, TRUE_CLUSTERS, SEED = 11, 7, 7
# Standard deviation of a cluster's points, where the centres' is 1: neighbours overlap.
SPREAD = 0.7
SAMPLE = 10_000
POINTS_PER_BUCKET = 100_000
NAMES = tuple(f"x{i}" for i in range(DIMENSIONS))
# The points as they are.
UNPREPARED = Preparation(
    tuple(PreparedFeature(name, 0.0, "none", -np.inf, np.inf) for name in NAMES), {}
)
SETTINGS = FitSettings(seed=SEED, starts=1)


@dataclass(frozen=True)
class FileBuckets:
    """A Parquet file a bucket, a Spark task each: as a run reads its customers."""

    spark: SparkSession
    files: Sequence[Path]

    def map(self, kernel: Kernel, columns: Sequence[str]) -> list[pa.Table]:
        """Run `kernel` on the named columns of each file; results in the files' order."""

        def work(file: Path) -> pa.Table:
            return kernel(pq.read_table(file, columns=list(columns), use_threads=False))

        return tasks.run(self.spark, work, self.files)


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
    models = {f"k{k}": KMeans(x[:k]) for k in KS}
    labels = {name: model.labels(x) for name, model in models.items()}
    space = FeatureSpace(UNPREPARED, Scaler(np.ones(DIMENSIONS)))
    with tempfile.TemporaryDirectory(prefix="custseg-benchmark-") as folder:
        buckets = FileBuckets(spark, _written(x, Path(folder)))

        def ours() -> dict[str, Indices]:
            indices = evaluate(buckets, space, list(models.values()), bar=1)
            return {name: one.everyone for name, one in zip(models, indices, strict=True)}

        first, _ = timed(ours)
        warm, indices = timed(ours)
    if is_exact:
        theirs, other = timed(
            lambda: {n: _scikit(x, labels_of_k) for n, labels_of_k in labels.items()}
        )
        difference = max(
            abs(a / b - 1)
            for name, scores in other.items()
            for a, b in zip(_scores(indices[name]), scores, strict=True)
        )
    else:
        theirs, other = timed(
            lambda: {n: _sampled(x, labels_of_k) for n, labels_of_k in labels.items()}
        )
        difference = max(abs(indices[name].silhouette - score) for name, score in other.items())
    return {
        "points": points,
        "first": first,
        "warm": warm,
        "theirs": theirs,
        "is_exact": is_exact,
        "difference": difference,
    }


def _written(x: np.ndarray, folder: Path) -> list[Path]:
    """The points in files, of one event each: everybody is informed."""
    files = []
    for first in range(0, len(x), POINTS_PER_BUCKET):
        rows = x[first : first + POINTS_PER_BUCKET]
        columns = {name: rows[:, i] for i, name in enumerate(NAMES)}
        files.append(folder / f"{first}.parquet")
        pq.write_table(pa.table({**columns, EVIDENCE: np.ones(len(rows))}), files[-1])
    return files


def _scores(indices: Indices) -> tuple[float, float, float]:
    assert indices.davies_bouldin is not None
    assert indices.calinski_harabasz is not None
    return indices.silhouette, indices.davies_bouldin, indices.calinski_harabasz


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
    """Seconds of KMeans for k = 2 to 8 from one start, and our costs over theirs.

    Ours fits as a run does: the range on the driver, then the chosen k by MLlib.
    """
    sample = sample_in_mllib(spark, mixture(points), UNPREPARED, "standard")
    x = core_scaler(sample.stages).transform(mixture(points))

    def ours() -> list[float]:
        fits = {k: kmeans(x, k, SETTINGS, generator(SEED, k)) for k in KS}
        fit_kmeans(sample, fits[TRUE_CLUSTERS].centres, SETTINGS)
        return [fit.cost for fit in fits.values()]

    def theirs() -> list[float]:
        single = x.astype(np.float32)
        starts = [
            TheirKMeans(k, n_init=1, max_iter=SETTINGS.max_iterations, random_state=SEED)
            for k in KS
        ]
        return [float(start.fit(single).inertia_) for start in starts]

    first, _ = timed(ours)
    warm, curves = timed(ours)
    other, costs = timed(theirs)
    relative = sorted(a / b for a, b in zip(curves, costs, strict=True))
    return {"points": points, "first": first, "warm": warm, "theirs": other, "costs": relative}


def main(what: str, sizes: list[int]) -> None:
    spark = get_session("custseg-benchmark")
    if what == "indices":
        exact, many = sizes
        print(json.dumps(compare_indices(spark, exact, is_exact=True)))
        print(json.dumps(compare_indices(spark, many, is_exact=False)))
    else:
        for points in sizes:
            print(json.dumps(compare_sweeps(spark, points)))


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]])
