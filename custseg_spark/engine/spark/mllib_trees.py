"""Bisecting KMeans from one tree of MLlib's: a fit for every k, not one each.

MLlib runs all iterations of a tree's level over all points, whatever the number of nodes: seven
trees for k = 2 to 8 are 340 jobs, one tree of 16 leaves is 80.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
from pyspark.ml.clustering import BisectingKMeans, KMeans, KMeansModel
from pyspark.ml.functions import array_to_vector
from pyspark.ml.stat import Summarizer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.models import BisectingKMeans as Tree
from custseg_spark.core.clustering.models import RefinedTree
from custseg_spark.core.clustering.trees import cut, refined
from custseg_spark.engine.spark.mllib_models import bisecting_tree
from custseg_spark.engine.spark.mllib_scaling import VECTOR, MllibSample

_CLUSTER = "cluster"


def fit_tree(sample: MllibSample, settings: FitSettings) -> Tree:
    """Fit MLlib's BisectingKMeans with `bisecting_leaves`, or as many as the points give."""
    estimator = BisectingKMeans(
        k=settings.bisecting_leaves,
        seed=settings.seed,
        maxIter=settings.bisecting_iterations,
        featuresCol=VECTOR,
    )
    return bisecting_tree(estimator.fit(sample.vectors))


def cuts(
    tree: Tree, ks: Iterable[int], points: np.ndarray, settings: FitSettings
) -> Mapping[int, RefinedTree]:
    """The cut of each k that the tree has leaves for, refined over the points."""
    possible = [k for k in ks if k <= len(tree.centres)]
    return {k: refined(cut(tree, k), points, settings.bisecting_steps) for k in possible}


def refined_in_spark(tree: Tree, vectors: DataFrame, steps: int) -> RefinedTree:
    """As `trees.refined`, for vectors that needn't fit into memory."""
    centres = tree.centres.copy()
    for _ in range(steps):
        model = kmeans_model(vectors.sparkSession, centres, _CLUSTER)
        by_cluster = model.transform(vectors).groupBy(_CLUSTER)
        for cluster, mean in by_cluster.agg(Summarizer.mean(F.col(VECTOR))).collect():
            centres[cluster] = mean.toArray()
    return RefinedTree(tree.nodes, centres, tree)


def kmeans_model(spark: SparkSession, centres: np.ndarray, prediction: str) -> KMeansModel:
    """MLlib's KMeansModel of given, different centres: its labels are the nearest ones' places."""
    # Without a step MLlib's centres are the points themselves, in an order that depends on their
    # number alone.
    estimator = KMeans(
        k=len(centres),
        maxIter=0,
        initMode="random",
        seed=1,
        featuresCol=VECTOR,
        predictionCol=prediction,
    )
    places = np.arange(len(centres), dtype=float)[:, None] + np.zeros(centres.shape)
    order = [int(place[0]) for place in estimator.fit(_frame(spark, places)).clusterCenters()]
    model = estimator.fit(_frame(spark, centres[np.argsort(order)]))
    assert np.array_equal(model.clusterCenters(), centres)
    return model


def _frame(spark: SparkSession, points: np.ndarray) -> DataFrame:
    rows = spark.createDataFrame(pa.table({"point": list(points)})).coalesce(1)
    return rows.select(array_to_vector(F.col("point")).alias(VECTOR))
