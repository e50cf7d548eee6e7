"""Bisecting KMeans from one tree of MLlib's: a fit for every k, not one each.

MLlib runs all iterations of a tree's level over all points, whatever the number of nodes: seven
trees for k = 2 to 8 are 340 jobs, one tree of 16 leaves is 80.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from pyspark.ml.clustering import BisectingKMeans, BisectingKMeansModel
from pyspark.ml.stat import Summarizer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.models import BisectingKMeans as Tree
from custseg_spark.core.clustering.models import RefinedTree
from custseg_spark.core.clustering.tree_cuts import cheapest_cut, refined
from custseg_spark.engine.spark.mllib_kmeans import kmeans_model
from custseg_spark.engine.spark.mllib_scaling import VECTOR, MllibSample

_CLUSTER = "cluster"


def fit_tree(
    sample: MllibSample, leaves: int, settings: FitSettings, prediction: str
) -> BisectingKMeansModel:
    """Fit MLlib's BisectingKMeans of so many leaves, or as many as the points give."""
    estimator = BisectingKMeans(
        k=leaves,
        seed=settings.seed,
        maxIter=settings.bisecting_iterations,
        featuresCol=VECTOR,
        predictionCol=prediction,
    )
    return estimator.fit(sample.vectors)


def cuts(
    tree: Tree, ks: Iterable[int], points: np.ndarray, steps: int
) -> Mapping[int, RefinedTree]:
    """Return the cheapest cut of each k that the tree has leaves for, refined over the points."""
    cheapest = {k: cheapest_cut(tree, k) for k in ks}
    return {k: refined(cut_tree, points, steps) for k, cut_tree in cheapest.items() if cut_tree}


def refined_in_spark(tree: Tree, k: int, vectors: DataFrame, steps: int) -> RefinedTree:
    """As `refined` of the cheapest cut, for vectors that needn't fit into memory.

    A tree of fewer leaves is refined whole.
    """
    best = cheapest_cut(tree, k) or tree
    centres = best.centres.copy()
    for _ in range(steps):
        model = kmeans_model(vectors.sparkSession, centres, _CLUSTER)
        by_cluster = model.transform(vectors).groupBy(_CLUSTER)
        for cluster, mean in by_cluster.agg(Summarizer.mean(F.col(VECTOR))).collect():
            centres[cluster] = mean.toArray()
    return RefinedTree(best.nodes, centres, best)
