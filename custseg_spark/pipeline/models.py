"""The models of a run: save them before anything is named, publish them by manifests, load them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.ml import PipelineModel

from custseg_spark.config.settings import Config
from custseg_spark.core.clustering.models import ClusterModel, cluster_count
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.features.registry import all_features
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark import model_store
from custseg_spark.engine.spark.mllib import MllibFits
from custseg_spark.engine.spark.mllib_models import core_model, core_scaler, model_hash
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.errors import ConfigurationError
from custseg_spark.pipeline import history
from custseg_spark.pipeline.clustering import Fitted
from custseg_spark.pipeline.clusterings import Clustering
from custseg_spark.pipeline.history import PreviousRun
from custseg_spark.progress import Progress


def load(
    lake: Lake, source: PreviousRun, config: Config, progress: Progress
) -> tuple[Fitted, dict[str, Manifest]]:
    """Load the models of a run as it published them."""
    with progress.stage("load models") as stage:
        loaded = {a: _loaded(lake, source, a) for a in config.model.algorithms}
        stage.note = f"of {source.fitted_on}"
    manifests = {a: manifest for a, (_, manifest) in loaded.items()}
    feature_names = {f.name for f in all_features(config.features.optional_families)}
    for algorithm, manifest in manifests.items():
        absent = [f.name for f in manifest.features if f.name not in feature_names]
        if absent:
            raise ConfigurationError(
                f"the model of {algorithm} takes {absent[0]}, of a family that this run has not:"
                " features.optional_families must be what it was at the fit"
            )
    models: dict[tuple[str, int], ClusterModel] = {
        (a, m.k): model_store.whole(core_model(model_store.clusterer(loaded[a][0])), m)
        for a, m in manifests.items()
    }
    # One run's models share their preparation and scaler.
    preparation = next(iter(manifests.values())).preparation
    scaler = core_scaler(PipelineModel(next(iter(loaded.values()))[0].stages[:-1]))
    return Fitted(FeatureSpace(preparation, scaler), models), manifests


def _loaded(lake: Lake, source: PreviousRun, algorithm: str) -> tuple[PipelineModel, Manifest]:
    path = lake.model_path(source.models[algorithm])
    sha256 = history.model_hashes(lake, source.run_date).get(algorithm)
    return model_store.load(lake.spark, path, algorithm, sha256)


def save(
    lake: Lake, fits: MllibFits, chosen: Mapping[str, int], space: FeatureSpace, scaling: str,
    models: Mapping[tuple[str, int], ClusterModel], folder: str,
) -> dict[str, str]:  # fmt: skip
    """Save the chosen models, still without manifests; return their names below the models."""
    names: dict[str, str] = {}
    for algorithm, k in chosen.items():
        model = models[(algorithm, k)]
        key = f"{space.preparation.features} {scaling} {model_hash(model)}"
        version = hashlib.sha256(key.encode()).hexdigest()[:12]
        names[algorithm] = f"{folder}/{algorithm}-{version}"
        path = lake.model_path(names[algorithm])
        model_store.save_model(fits.pipeline(algorithm, k), path)
    return names


def publish(
    lake: Lake,
    clusterings: Sequence[Clustering],
    space: FeatureSpace,
    names: Mapping[str, str],
    config: Config,
    run_date: date,
) -> dict[str, str]:
    """Write the portable form of the saved models, and the manifests that publish them.

    Returns the hash of all files of each model, by algorithm.
    """
    hashes: dict[str, str] = {}
    scaling, seed = config.model.preparation.scaling, config.model.seed
    for clustering in clusterings:
        path = lake.model_path(names[clustering.algorithm])
        named = clustering.named
        scoring = ScoringModel(space, named, run_date, scaling, seed)
        model_store.save_portable(lake.spark, scoring, path)
        manifest = Manifest(
            algorithm=clustering.algorithm,
            k=cluster_count(clustering.model),
            features=space.preparation.features,
            components=space.preparation.components,
            scaling=scaling,
            seed=seed,
            segment_ids=named.segment_ids,
            segment_names=named.segment_names,
            outlier_distances=clustering.outlier_distances,
            stay_curves=clustering.stay_curves,
            tree=tuple(clustering.tree),
            model_sha256=model_hash(clustering.model),
            rules=named.rules,
            by_rules=named.by_rules,
            known_from=named.known_from,
        )
        hashes[clustering.algorithm] = model_store.save_manifest(lake.spark, manifest, path)
    return hashes
