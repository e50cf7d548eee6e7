"""Convert MLlib's fitted models to the numpy models of core, which give the same labels."""

import hashlib
import json
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import BisectingKMeansModel, GaussianMixtureModel, KMeansModel
from pyspark.ml.feature import PCAModel, RobustScalerModel, StandardScalerModel

from custseg_spark.core.clustering.models import (
    BisectingKMeans,
    ClusterModel,
    GaussianMixture,
    KMeans,
    Node,
    tree_model,
)
from custseg_spark.core.clustering.scaling import Scaler

MllibModel = KMeansModel | BisectingKMeansModel | GaussianMixtureModel

# Scala's name of a private value's getter.
_PARENT = "org$apache$spark$ml$clustering$BisectingKMeansModel$$parentModel"


def centres(model: MllibModel) -> np.ndarray:
    """Return the cluster centres, k x dimensions; for a mixture, the means of its Gaussians."""
    if isinstance(model, GaussianMixtureModel):
        return np.array([g.mean.toArray() for g in model.gaussians])
    return np.array(model.clusterCenters())


def core_model(model: MllibModel) -> ClusterModel:
    """Return the same model in numpy; no Spark job."""
    if isinstance(model, BisectingKMeansModel):
        return bisecting_tree(model)
    if isinstance(model, GaussianMixtureModel):
        gaussians = model.gaussians
        return GaussianMixture(
            np.array(model.weights),
            np.array([g.mean.toArray() for g in gaussians]),
            np.array([g.cov.toArray() for g in gaussians]),
        )
    return KMeans(centres(model))


def core_scaler(stages: PipelineModel) -> Scaler:
    """Return the factors, and any principal components, of the scaling stages."""
    factors, components = None, None
    for stage in stages.stages:
        if isinstance(stage, StandardScalerModel):
            factors = _factors(stage.std.toArray())
        elif isinstance(stage, RobustScalerModel):
            factors = _factors(stage.range.toArray())
        elif isinstance(stage, PCAModel):
            components = stage.pc.toArray()
    assert factors is not None  # Every saved pipeline has a scaler.
    return Scaler(factors, components)


def bisecting_tree(model: BisectingKMeansModel) -> BisectingKMeans:
    """Return the tree with its inner centres, which Python's model doesn't show; no Spark job."""
    root: Any = getattr(model._java_obj, _PARENT)().root()
    nodes: list[Node] = []
    node_centres: list[np.ndarray] = []
    children: list[list[int]] = []
    waiting: list[tuple[Any, int | None]] = [(root, None)]
    while waiting:
        node, parent = waiting.pop()
        below = list(node.children())
        index = node.index()
        cluster = None if below else index
        nodes.append(Node(index, parent, node.size(), node.cost(), cluster))
        node_centres.append(_values(json.loads(node.center().toJson())))
        children.append([child.index() for child in below])
        waiting += [(child, index) for child in below]
    return tree_model(nodes, node_centres, children)


def model_hash(model: ClusterModel) -> str:
    """Hash the bits of the centres, and of a mixture's weights and covariances."""
    parameters = [model.centres]
    if isinstance(model, GaussianMixture):
        parameters += [model.weights, *model.covariances]
    digest = hashlib.sha256()
    for values in parameters:
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()


def _factors(widths: np.ndarray) -> np.ndarray:
    """Return MLlib's factors: 1 / width, and 0 for no width."""
    return np.where(widths == 0, 0.0, 1 / np.where(widths == 0, 1, widths))


def _values(vector: dict[str, Any]) -> np.ndarray:
    """Read a vector of MLlib's JSON: dense, or sparse with type 0."""
    if vector["type"] == 1:
        return np.array(vector["values"], dtype=float)
    dense = np.zeros(vector["size"])
    dense[vector["indices"]] = vector["values"]
    return dense
