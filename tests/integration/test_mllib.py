"""MLlib's fits and their numpy models: equal labels, equal scaling, few jobs, saved and loaded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans, lloyd
from custseg_spark.core.clustering.models import ALGORITHMS, BisectingKMeans, GaussianMixture
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.core.clustering.sampling import hash_steps
from custseg_spark.engine.spark.mllib import (
    FITS,
    FitError,
    MllibFits,
    fit_kmeans,
    membership_column,
    prediction_column,
)
from custseg_spark.engine.spark.mllib_kmeans import kmeans_model
from custseg_spark.engine.spark.mllib_models import MllibModel, core_model, core_scaler, model_hash
from custseg_spark.engine.spark.mllib_scaling import VECTOR, MllibSample, sample_in_mllib
from custseg_spark.engine.spark.model_store import Manifest, load, save_manifest, save_model
from custseg_spark.errors import InputError

SETTINGS = FitSettings(seed=3, starts=2, bisecting_iterations=5)
PLACES = np.array([[1, 1, 5], [9, 1, 5], [1, 12, 5], [20, 20, 1]])


def preparation(d: int = 3, components: int | None = None) -> Preparation:
    names = ("x", "y", "z")[:d]
    features = tuple(PreparedFeature(n, 0.0, "none", -np.inf, np.inf) for n in names)
    return Preparation(features, {}, components)


def matrix(n: int = 2_000) -> np.ndarray:
    rng = np.random.default_rng(1)
    points = PLACES[rng.integers(0, 4, n)] + rng.normal(size=(n, 3)) * 2
    points[rng.random((n, 3)) < 0.05] = 0.0
    return points


@pytest.fixture(scope="module")
def sample(spark: SparkSession) -> MllibSample:
    return sample_in_mllib(spark, matrix(), preparation(), "standard")


def vectors_of(sample: MllibSample) -> np.ndarray:
    rows = sample.vectors.select(vector_to_array(VECTOR)).collect()
    return np.array([row[0] for row in rows])


def fitted(sample: MllibSample, algorithm: str, k: int) -> MllibModel:
    if algorithm == "kmeans":
        start = kmeans(vectors_of(sample), k, SETTINGS, generator(1, k)).centres
        return fit_kmeans(sample, start, SETTINGS)
    return FITS[algorithm](sample, k, SETTINGS)


def test_hash_steps_are_sparks(spark: SparkSession) -> None:
    ids = [str(n) for n in range(500)] + ["a", "Käufer", "", "500000000000000000001", "x" * 99]
    frame = spark.createDataFrame(pa.table({"customer_id": ids}))
    steps = frame.select(F.pmod(F.xxhash64("customer_id"), F.lit(1_000_000)).alias("step"))
    assert hash_steps(pa.array(ids)).tolist() == [row["step"] for row in steps.collect()]


@pytest.mark.parametrize(
    ("scaling", "components"), [("standard", None), ("robust", None), ("standard", 2)]
)
def test_points_are_scaled_as_mllib_does(
    spark: SparkSession, scaling: str, components: int | None
) -> None:
    prepared = matrix()
    fitted = sample_in_mllib(spark, prepared, preparation(components=components), scaling)
    points = core_scaler(fitted.stages).transform(prepared)
    if components is None:
        assert points.tolist() == vectors_of(fitted).tolist()
    np.testing.assert_allclose(points, vectors_of(fitted), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("k", [2, 5])
def test_labels_are_mllibs(sample: MllibSample, algorithm: str, k: int) -> None:
    model = fitted(sample, algorithm, k)
    assert model.getK() == k
    label = prediction_column(algorithm, k)
    assert model.getPredictionCol() == label
    scored = model.transform(sample.vectors).select(label, vector_to_array(VECTOR)).collect()
    points, ours = vectors_of(sample), core_model(model)
    assert ours.labels(points).tolist() == [row[0] for row in scored]


def test_memberships_are_mllibs(sample: MllibSample) -> None:
    model = FITS["gaussian_mixture"](sample, 3, SETTINGS)
    soft = vector_to_array(membership_column("gaussian_mixture", 3))
    theirs = np.array([row[0] for row in model.transform(sample.vectors).select(soft).collect()])
    ours = core_model(model)
    assert isinstance(ours, GaussianMixture)
    np.testing.assert_allclose(
        ours.probabilities(vectors_of(sample)), theirs, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("k", [2, 4, 5])
def test_a_trees_nodes_add_up(sample: MllibSample, k: int) -> None:
    model = FITS["bisecting_kmeans"](sample, k, SETTINGS)
    tree = core_model(model)
    assert isinstance(tree, BisectingKMeans)
    assert tree.centres.tolist() == np.array(model.clusterCenters()).tolist()
    assert [n.cluster for n in tree.nodes if n.cluster is not None] == list(range(k))
    assert len(tree.nodes) == 2 * k - 1
    assert (tree.nodes[0].index, tree.nodes[0].size) == (-1, 2_000)
    for node, below in zip(tree.nodes, tree.children, strict=True):
        assert len(below) == (0 if node.cluster is not None else 2)
        assert all(tree.nodes[c].parent == node.index for c in below)


def test_without_steps_smaller_trees_are_cut_from_the_largest_and_the_chosen_one_is_fitted(
    spark: SparkSession,
) -> None:
    settings = replace(SETTINGS, bisecting_steps=0)
    fits = MllibFits(spark, matrix(), preparation(), "standard", settings, 1)
    trials = [("bisecting_kmeans", k) for k in (2, 3, 4)]
    spark.sparkContext.setJobGroup("cuts", "trees of three k's")
    found = fits.others(trials)
    jobs = spark.sparkContext.statusTracker().getJobIdsForGroup("cuts")
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)
    # Two levels of iterations, two jobs each, and what a fit asks once.
    assert len(jobs) <= 4 * SETTINGS.bisecting_iterations + 10
    assert [fits.refits(*trial) for trial in trials] == [True, True, False]
    points = vectors_of(fits._sample)
    labels = {}
    for (_, k), model in found.items():
        assert not isinstance(model, InputError)
        labels[k] = model.labels(points)
    # The random directions of the first two levels are the same.
    for k in (2, 4):
        own = core_model(FITS["bisecting_kmeans"](fits._sample, k, SETTINGS))
        assert labels[k].tolist() == own.labels(points).tolist()
    # Of the two, the larger one is divided.
    sizes = np.bincount(labels[2])
    assert len({*zip(labels[2], labels[3], strict=True)}) == 3
    assert len(set(labels[3][labels[2] == sizes.argmax()])) == 2


def test_the_published_kmeans_is_mllibs_from_the_drivers_centres(sample: MllibSample) -> None:
    points = vectors_of(sample)
    best = kmeans(points, 8, FitSettings(starts=10), generator(1, 8))
    model = core_model(fit_kmeans(sample, best.centres, SETTINGS))
    np.testing.assert_allclose(model.centres, best.centres, atol=1e-3)
    # From elsewhere it takes MLlib's steps, as many as it may.
    start = points[:8]
    for steps in (1, 3):
        settings = replace(SETTINGS, max_iterations=steps, tolerance=0.0)
        own = lloyd(points, start, steps, 0.0)
        found = core_model(fit_kmeans(sample, start, settings))
        np.testing.assert_allclose(found.centres, own.centres, rtol=1e-9)


def test_a_model_of_given_centres_has_them_in_their_order(spark: SparkSession) -> None:
    given = np.random.default_rng(3).normal(size=(5, 3)) * [1e-9, 1.0, 1e9]
    model = kmeans_model(spark, given, "cluster")
    assert core_model(model).centres.tolist() == given.tolist()
    assert (model.getK(), model.getFeaturesCol(), model.getPredictionCol()) == (
        5,
        VECTOR,
        "cluster",
    )


def test_fewer_clusters_than_k_and_degenerate_mixtures_are_no_fit(spark: SparkSession) -> None:
    two = np.repeat([[1.0, 2.0], [3.0, 4.0]], 10, axis=0)
    sample = sample_in_mllib(spark, two, preparation(2), "standard")
    with pytest.raises(FitError, match="bisecting_kmeans found 2 clusters where k = 4"):
        FITS["bisecting_kmeans"](sample, 4, SETTINGS)
    far = matrix(50)
    far[0] = 1e200
    frame = spark.createDataFrame(pa.table({"point": list(far)})).coalesce(1)
    sample = replace(sample, vectors=frame.select(array_to_vector("point").alias(VECTOR)))
    with pytest.raises(FitError, match="k = 2: a cluster's covariance is degenerate"):
        FITS["gaussian_mixture"](sample, 2, SETTINGS)


def test_a_runs_fits_take_few_jobs(spark: SparkSession) -> None:
    prepared = matrix()
    spark.sparkContext.setJobGroup("mllib-test", "a run's fits")
    fits = MllibFits(spark, prepared, preparation(), "standard", SETTINGS, 1)
    best = kmeans(fits.scaler.transform(prepared), 4, SETTINGS, generator(1))
    fits.refit("kmeans", 4, best.centres)
    tracker = spark.sparkContext.statusTracker()
    jobs = len(tracker.getJobIdsForGroup("mllib-test"))
    assert jobs <= 12, jobs
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_published_model_comes_back_or_is_refused(
    spark: SparkSession, tmp_path: Path, algorithm: str
) -> None:
    fits = MllibFits(spark, matrix(), preparation(), "standard", SETTINGS, 1)
    start = fits.scaler.transform(PLACES[:3].astype(float))
    model = (
        fits.refit("kmeans", 3, start)
        if algorithm == "kmeans"
        else fits.others([(algorithm, 3)])[(algorithm, 3)]
    )
    assert not isinstance(model, InputError)
    path = str(tmp_path / "model")
    save_model(fits.pipeline(algorithm, 3), path)
    manifest = Manifest(
        algorithm=algorithm,
        k=3,
        features=preparation().features,
        components=None,
        scaling="standard",
        seed=3,
        segment_ids=(4, 1, 2),
        segment_names=("Loyal", "Käufer", "New"),
        tree=model.nodes if isinstance(model, BisectingKMeans) else (),
        model_sha256=model_hash(model),
    )
    sha256 = save_manifest(spark, manifest, path)
    loaded, read = load(spark, path, algorithm, sha256)
    assert read == manifest
    assert model_hash(core_model(loaded.stages[-1])) == manifest.model_sha256
    assert core_scaler(loaded).factors.tolist() == fits.scaler.factors.tolist()
    other = save_manifest(spark, replace(manifest, model_sha256="0"), path)
    with pytest.raises(InputError, match="not as its run published it"):
        load(spark, path, algorithm, sha256)
    with pytest.raises(InputError, match="not the 3 of its manifest"):
        load(spark, path, algorithm, other)
    (tmp_path / "model" / "manifest.json").unlink()
    with pytest.raises(InputError, match="no model with a manifest"):
        load(spark, path, algorithm, other)
