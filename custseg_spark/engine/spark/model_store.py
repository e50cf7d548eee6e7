"""Save and load models: MLlib's format and a manifest, sealed by a hash in their run's row.

MLlib silently loads a model without one of its part files, with fewer centres, and takes features
in another order. The manifest lists the centres and features to expect; the hash shows changes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import BisectingKMeansModel, GaussianMixtureModel, KMeansModel
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.models import (
    BisectingKMeans,
    ClusterModel,
    KMeans,
    Node,
    RefinedTree,
)
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.core.clustering.rules import written
from custseg_spark.core.clustering.rules.tree import RuleTree
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.clustering.stay_curves import StayCurve
from custseg_spark.engine import model_files
from custseg_spark.engine.spark import sealing
from custseg_spark.engine.spark.file_systems import write_bytes
from custseg_spark.engine.spark.mllib import prediction_column
from custseg_spark.engine.spark.mllib_models import MllibModel, core_model, model_hash
from custseg_spark.errors import InputError
from custseg_spark.paths import place

_FORMAT = 4
_MANIFEST = "manifest.json"
# Sections of the portable form that are files by these names, for programs that look for them.
_PARTS = ("preprocessor", "clusterer", "feature_names")


@dataclass(frozen=True)
class Manifest:
    """The description of a saved model: enough to score with it and to see if files are missing.

    `segment_ids`, `segment_names`, `outlier_distances` and `stay_curves` are by cluster; `tree` is
    empty but for bisecting KMeans. `rules`, `by_rules` and `known_from` are those of
    `NamedClustering`.
    """

    algorithm: str
    k: int
    features: tuple[PreparedFeature, ...]
    components: int | None
    scaling: str
    seed: int
    segment_ids: tuple[int, ...]
    segment_names: tuple[str, ...]
    tree: tuple[Node, ...]
    model_sha256: str
    outlier_distances: tuple[float | None, ...] = ()
    rules: RuleTree | None = None
    by_rules: bool = False
    known_from: int = 0
    stay_curves: tuple[StayCurve, ...] = ()
    format: int = _FORMAT

    def as_json(self) -> str:
        """Return the manifest as canonical JSON."""
        return json.dumps({**asdict(self), "rules": written.parts_of(self.rules)}, sort_keys=True)

    @property
    def column(self) -> str:
        """The column of labels that the model adds."""
        return prediction_column(self.algorithm, self.k)

    @property
    def preparation(self) -> Preparation:
        """The preparation of the features for this model."""
        return Preparation(self.features, {}, self.components)


def clusterer(pipeline: PipelineModel) -> MllibModel:
    """Return the clustering model, the pipeline's last stage."""
    last = pipeline.stages[-1]
    assert isinstance(last, KMeansModel | BisectingKMeansModel | GaussianMixtureModel)
    return last


def whole(model: ClusterModel, manifest: Manifest) -> ClusterModel:
    """Return the model with the manifest's tree, which MLlib loses if leaves were refined."""
    if manifest.tree and isinstance(model, KMeans):
        return RefinedTree(manifest.tree, model.centres)
    return model


def save_model(model: PipelineModel, path: str) -> None:
    """Save a model, replacing an earlier one; `save_manifest` publishes it."""
    model.write().overwrite().save(f"{path}/model")


def save_manifest(spark: SparkSession, manifest: Manifest, path: str) -> str:
    """Publish the model saved at `path` by its manifest; return the hash of all its files."""
    write_bytes(spark, place(path) / _MANIFEST, manifest.as_json().encode())
    return model_files.digest(sealing.read(spark, path))


def save_portable(spark: SparkSession, model: ScoringModel, path: str) -> None:
    """Save the portable form of the model at `path`: one document, and its parts as files.

    Call it before `save_manifest`, so that every published model has one.
    """
    written = portable.document(model)
    parts = {name: portable.canonical(written.parts[name]) for name in _PARTS}
    texts = {
        **{f"{name}.json": text for name, text in parts.items()},
        portable.FILE_NAME: written.text,
    }
    for name, text in texts.items():
        write_bytes(spark, place(path) / name, text.encode())


def load(
    spark: SparkSession, path: str, algorithm: str, sha256: str | None
) -> tuple[PipelineModel, Manifest]:
    """Load a published model of an algorithm, and its manifest.

    Raises InputError, before loading anything, if its files don't have the hash `sha256` of their
    run; and if the model differs from its manifest.
    """
    files = sealing.read(spark, path)
    if _MANIFEST not in files:
        raise InputError(f"there is no model with a manifest at {path}")
    model_files.require_seal(files, sha256, path)
    sealing.require_classes(files, algorithm, path)
    manifest = _parse(files[_MANIFEST], path)
    if manifest.algorithm != algorithm:
        raise InputError(f"the model at {path} is of {manifest.algorithm}, not of {algorithm}")
    try:
        pipeline = PipelineModel.load(f"{path}/model")
    except (Py4JJavaError, PySparkException) as error:
        raise InputError(f"the model at {path} can't be read: {error}") from error
    _check(pipeline, manifest, path)
    return pipeline, manifest


def _check(pipeline: PipelineModel, manifest: Manifest, path: str) -> None:
    first, model = pipeline.stages[0], core_model(clusterer(pipeline))
    inputs = list(first.getInputCols()) if isinstance(first, VectorAssembler) else []
    expected = [f.name for f in manifest.features]
    if inputs != expected:
        raise InputError(f"the model at {path} takes {inputs}, its manifest says {expected}")
    count = len(model.centres)
    if count != manifest.k or model_hash(model) != manifest.model_sha256:
        raise InputError(
            f"the model at {path} has {count} centres that are not the {manifest.k} of its"
            " manifest; a part file may be missing"
        )
    if isinstance(model, BisectingKMeans) and model.nodes != manifest.tree:
        raise InputError(f"the model at {path} has another tree than its manifest")


def _parse(content: bytes, path: str) -> Manifest:
    try:
        values: Mapping[str, Any] = json.loads(content)
        if values["format"] != _FORMAT:
            raise ValueError(f"it has format {values['format']}, expected {_FORMAT}")
        features: Sequence[Mapping[str, Any]] = values["features"]
        return Manifest(
            **{
                **values,
                "features": tuple(PreparedFeature.of(f) for f in features),
                "segment_ids": tuple(values["segment_ids"]),
                "segment_names": tuple(values["segment_names"]),
                "tree": tuple(Node(**n) for n in values["tree"]),
                "outlier_distances": tuple(values.get("outlier_distances", ())),
                "stay_curves": tuple(
                    StayCurve(tuple(c["margins"]), tuple(c["probabilities"]))
                    for c in values.get("stay_curves", ())
                ),
                "rules": written.rules_of(values.get("rules")),
            }
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"the manifest of the model at {path} can't be read: {error}") from error
