"""Models on disk: MLlib's own format, with a manifest that is checked at load.

MLlib loads a model that lacks a part file with fewer centres, and takes features in another
order without a word; the manifest says what must be there.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import BisectingKMeansModel, KMeansModel
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

from custseg_spark.errors import InputError
from custseg_spark.models.preparation import Preparation, PreparedFeature

_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What a saved model is: enough to score with it, and to notice if it isn't whole."""

    algorithm: str
    k: int
    features: tuple[PreparedFeature, ...]
    scaling: str
    seed: int
    order: tuple[int, ...]
    centroids_sha256: str
    format: int = _FORMAT

    def as_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def preparation(self) -> Preparation:
        """The preparation of the features for this model."""
        return Preparation(self.features, {})


def centroids(model: PipelineModel) -> np.ndarray:
    """The cluster centres of a pipeline's last stage, k x dimensions."""
    last = model.stages[-1]
    assert isinstance(last, KMeansModel | BisectingKMeansModel)
    return np.array(last.clusterCenters())


def centroids_hash(centres: np.ndarray) -> str:
    """A hash of the centres' bits."""
    return hashlib.sha256(np.ascontiguousarray(centres, dtype="<f8").tobytes()).hexdigest()


def save(spark: SparkSession, model: PipelineModel, manifest: Manifest, path: str) -> None:
    """Saves model and manifest; the manifest last, so that a model without one is unfinished."""
    if _read_manifest(spark, path) == manifest.as_json():
        return
    model.write().overwrite().save(f"{path}/model")
    line = spark.createDataFrame([(manifest.as_json(),)], "value string").coalesce(1)
    line.write.mode("overwrite").text(f"{path}/manifest")


def load(spark: SparkSession, path: str) -> tuple[PipelineModel, Manifest]:
    """A saved model, checked against its manifest. Raises InputError where they disagree."""
    text = _read_manifest(spark, path)
    if text is None:
        raise InputError(f"there is no model with a manifest at {path}")
    manifest = _parse(text, path)
    try:
        model = PipelineModel.load(f"{path}/model")
    except (Py4JJavaError, AnalysisException) as error:
        raise InputError(f"the model at {path} can't be read: {error}") from error
    first = model.stages[0]
    found = list(first.getInputCols()) if isinstance(first, VectorAssembler) else []
    expected = [f.name for f in manifest.features]
    if found != expected:
        raise InputError(f"the model at {path} takes {found}, its manifest says {expected}")
    centres = centroids(model)
    if len(centres) != manifest.k or centroids_hash(centres) != manifest.centroids_sha256:
        raise InputError(
            f"the model at {path} has {len(centres)} centres that are not the {manifest.k} of its"
            " manifest; a part file may be missing"
        )
    return model, manifest


def _read_manifest(spark: SparkSession, path: str) -> str | None:
    try:
        rows = spark.read.text(f"{path}/manifest").limit(2).collect()
    except AnalysisException:
        return None
    return str(rows[0][0]) if len(rows) == 1 else None


def _parse(text: str, path: str) -> Manifest:
    try:
        tree: Mapping[str, Any] = json.loads(text)
        features: Sequence[Mapping[str, Any]] = tree["features"]
        return Manifest(
            **{
                **tree,
                "features": tuple(PreparedFeature(**f) for f in features),
                "order": tuple(tree["order"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"the manifest of the model at {path} can't be read: {error}") from error
