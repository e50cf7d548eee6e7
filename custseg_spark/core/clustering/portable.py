"""The portable form of a model: a JSON document that any language reads, under a hash of its own.

Numbers are the shortest decimals that give the same doubles back; a missing fence is null. Reading
a document executes nothing in it.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import (
    BisectingKMeans,
    ClusterModel,
    GaussianMixture,
    KMeans,
    Node,
    RefinedTree,
)
from custseg_spark.core.clustering.preparation import EVIDENCE, Preparation, PreparedFeature
from custseg_spark.core.clustering.rules import written
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.clustering.stay_curves import StayCurve
from custseg_spark.errors import InputError

# A model's document is a file of this name in the model's folder.
FILE_NAME = "scoring.json"
# The error for a model's folder without a document.
ABSENT = "{} isn't there: the run was made before there were portable models; fit again"
FORMAT = 1
_KIND = "custseg-scoring-model"
# The errors that reading an invalid document raises.
_FLAWS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Document:
    """A model's document: `text` is its canonical JSON, `parts` the sections by name."""

    text: str
    parts: Mapping[str, Any]


def document(model: ScoringModel) -> Document:
    """Return the document of a model; equal models have equal text."""
    clustering, preparation = model.clustering, model.space.preparation
    parts: dict[str, Any] = {
        "kind": _KIND,
        "format": FORMAT,
        "algorithm": clustering.algorithm,
        "fitted_on": model.fitted_on.isoformat(),
        "seed": model.seed,
        "feature_names": list(model.columns),
        "preprocessor": {
            "evidence": EVIDENCE,
            "features": [_feature(f) for f in preparation.features],
            "scaling": model.scaling,
            "factors": model.space.scaler.factors.tolist(),
            "components": _lists(model.space.scaler.components),
        },
        "clusterer": _clusterer(clustering.model),
        "segments": _segments(clustering),
        **_assignment(clustering),
    }
    parts["sha256"] = content_hash(parts)
    return Document(canonical(parts), parts)


def _assignment(clustering: NamedClustering) -> dict[str, Any]:
    """Return the assigner with its rules; empty for a model without rules, as in older versions."""
    if clustering.rules is None and not clustering.known_from:
        return {}
    return {
        "assignment": {
            "rules": written.parts_of(clustering.rules),
            "by_rules": clustering.by_rules,
            "known_from": clustering.known_from,
        }
    }


def _segments(clustering: NamedClustering) -> list[dict[str, Any]]:
    """Return a segment per cluster; without a distance where the model has learned none."""
    named = zip(clustering.segment_ids, clustering.segment_names, strict=True)
    segments: list[dict[str, Any]] = [
        {"cluster": cluster, "segment_id": i, "segment_name": name}
        for cluster, (i, name) in enumerate(named)
    ]
    for segment, distance in zip(segments, clustering.outlier_distances, strict=False):
        segment["outlier_distance"] = distance
    for segment, curve in zip(segments, clustering.stay_curves, strict=False):
        segment["stay_curve"] = asdict(curve)
    return segments


def canonical(value: Any) -> str:
    """Write a value as JSON with sorted keys; ValueError for a number that JSON lacks."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def parsed(text: str, where: str) -> ScoringModel:
    """Read the model from a document's text; errors name `where`.

    Raises InputError for a text that is no document, has another format, or was changed.
    """
    try:
        parts = json.loads(text)
        if parts["kind"] != _KIND or parts["format"] != FORMAT:
            raise ValueError(f"kind {parts['kind']}, format {parts['format']}; expected {_KIND},"
                             f" format {FORMAT}")  # fmt: skip
        if parts["sha256"] != content_hash(parts):
            raise ValueError("its content doesn't have the hash that it names: it was changed")
        return _model(parts)
    except _FLAWS as error:
        flaw = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{where} isn't a model that can be scored with: {flaw}") from error


def content_hash(parts: Mapping[str, Any]) -> str:
    """Hash a document's parts, without the hash itself."""
    content = {key: value for key, value in parts.items() if key != "sha256"}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _model(parts: Mapping[str, Any]) -> ScoringModel:
    before, segments = parts["preprocessor"], parts["segments"]
    features = tuple(_prepared(f) for f in before["features"])
    components = before["components"]
    directions = None if components is None else _array(components, 2)
    preparation = Preparation(features, {}, None if directions is None else directions.shape[1])
    scaler = Scaler(_array(before["factors"], 1), directions)
    clusters = _CLUSTERERS[parts["clusterer"]["kind"]](parts["clusterer"])
    if [s["cluster"] for s in segments] != list(range(len(clusters.centres))):
        raise ValueError(f"{len(segments)} segments for {len(clusters.centres)} clusters")
    if clusters.centres.shape[1] != len(preparation.axes) or len(scaler.factors) != len(features):
        raise ValueError("its features, factors and centres are not of one length")
    assignment = parts.get("assignment") or {}
    named = NamedClustering(
        parts["algorithm"],
        clusters,
        tuple(s["segment_id"] for s in segments),
        tuple(s["segment_name"] for s in segments),
        _outlier_distances(segments),
        rules=written.rules_of(assignment.get("rules")),
        by_rules=bool(assignment.get("by_rules", False)),
        known_from=int(assignment.get("known_from", 0)),
        stay_curves=_stay_curves(segments),
    )
    fitted_on = date.fromisoformat(parts["fitted_on"])
    space = FeatureSpace(preparation, scaler)
    return ScoringModel(space, named, fitted_on, before["scaling"], parts["seed"])


def _outlier_distances(segments: Sequence[Mapping[str, Any]]) -> tuple[float | None, ...]:
    if not all("outlier_distance" in s for s in segments):
        return ()
    distances = [s["outlier_distance"] for s in segments]
    _array([d for d in distances if d is not None], 1)
    return tuple(None if d is None else float(d) for d in distances)


def _stay_curves(segments: Sequence[Mapping[str, Any]]) -> tuple[StayCurve, ...]:
    if not all("stay_curve" in s for s in segments):
        return ()
    curves = [s["stay_curve"] for s in segments]
    both = [_array([c["margins"], c["probabilities"]], 2) for c in curves]
    return tuple(StayCurve(tuple(m), tuple(p)) for m, p in (b.tolist() for b in both))


def _feature(feature: PreparedFeature) -> dict[str, Any]:
    values = asdict(feature)
    levels = values.pop("levels")
    finite = {k: v if isinstance(v, str) or math.isfinite(v) else None for k, v in values.items()}
    return {**finite, "levels": levels} if levels else finite


def _prepared(values: Mapping[str, Any]) -> PreparedFeature:
    free: dict[str, Any] = {"lower": -math.inf, "upper": math.inf}
    return PreparedFeature.of({k: free[k] if v is None else v for k, v in values.items()})


def _clusterer(model: ClusterModel) -> dict[str, Any]:
    if isinstance(model, BisectingKMeans):
        return {
            "kind": "bisecting_kmeans",
            "centres": _lists(model.centres),
            "nodes": [asdict(node) for node in model.nodes],
            "node_centres": _lists(model.node_centres),
            "children": [list(children) for children in model.children],
        }
    if isinstance(model, RefinedTree):
        return {
            "kind": "refined_tree",
            "centres": _lists(model.centres),
            "nodes": [asdict(node) for node in model.nodes],
        }
    if isinstance(model, GaussianMixture):
        return {
            "kind": "gaussian_mixture",
            "weights": _lists(model.weights),
            "means": _lists(model.means),
            "covariances": _lists(model.covariances),
        }
    return {"kind": "kmeans", "centres": _lists(model.centres)}


def _lists(values: np.ndarray | None) -> Any:
    return None if values is None else values.tolist()


def _array(values: Sequence[Any], dimensions: int) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    if array.ndim != dimensions or not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers in {dimensions} dimensions")
    return array


def _kmeans(parts: Mapping[str, Any]) -> ClusterModel:
    return KMeans(_array(parts["centres"], 2))


def _bisecting(parts: Mapping[str, Any]) -> ClusterModel:
    nodes = tuple(Node(**node) for node in parts["nodes"])
    children = tuple(tuple(places) for places in parts["children"])
    if not len(nodes) == len(children) == len(parts["node_centres"]):
        raise ValueError("its tree has not one centre and one list of children a node")
    return BisectingKMeans(nodes, _array(parts["node_centres"], 2), children)


def _refined(parts: Mapping[str, Any]) -> ClusterModel:
    return RefinedTree(tuple(Node(**node) for node in parts["nodes"]), _array(parts["centres"], 2))


def _mixture(parts: Mapping[str, Any]) -> ClusterModel:
    return GaussianMixture(
        _array(parts["weights"], 1), _array(parts["means"], 2), _array(parts["covariances"], 3)
    )


_CLUSTERERS = {
    "kmeans": _kmeans,
    "bisecting_kmeans": _bisecting,
    "refined_tree": _refined,
    "gaussian_mixture": _mixture,
}
