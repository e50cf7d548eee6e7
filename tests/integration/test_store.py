"""Models on disk: loaded as they were published, or refused before anything of them is made."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.models import BisectingKMeans
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.engine import model_files
from custseg_spark.engine.spark import sealing
from custseg_spark.engine.spark.mllib import FITS, fit_kmeans
from custseg_spark.engine.spark.mllib_models import core_model, model_hash
from custseg_spark.engine.spark.mllib_scaling import sample_in_mllib
from custseg_spark.engine.spark.model_store import (
    Manifest,
    clusterer,
    load,
    save_manifest,
    save_model,
)
from custseg_spark.errors import InputError

FEATURES = tuple(PreparedFeature(name, 0.0, "none", -np.inf, 9.5) for name in ("x", "y"))
SETTINGS = FitSettings(seed=3, starts=1, bisecting_iterations=5)


def points() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.repeat([[1.0, 1.0], [9.0, 1.0]], 30, axis=0) + rng.normal(size=(60, 2))


def published(spark: SparkSession, algorithm: str, path: str) -> tuple[Manifest, str]:
    """A model that was saved and published: its manifest, and the hash of its files."""
    sample = sample_in_mllib(spark, points(), Preparation(FEATURES, {}, None), "standard")
    fitted = (
        fit_kmeans(sample, points()[[0, -1]], SETTINGS)
        if algorithm == "kmeans"
        else FITS[algorithm](sample, 2, SETTINGS)
    )
    pipeline, model = PipelineModel([*sample.stages.stages, fitted]), core_model(fitted)
    save_model(pipeline, path)
    manifest = Manifest(
        algorithm=algorithm,
        k=2,
        features=FEATURES,
        components=None,
        scaling="standard",
        seed=3,
        segment_ids=(4, 1),
        segment_names=("Loyal", "Käufer"),
        tree=model.nodes if isinstance(model, BisectingKMeans) else (),
        model_sha256=model_hash(model),
    )
    return manifest, save_manifest(spark, manifest, path)


def test_a_model_is_whole_without_the_checksums_of_hadoop(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = str(tmp_path / "model")
    manifest, sha256 = published(spark, "kmeans", path)
    # A copy through its shell has none.
    for checksum in tmp_path.rglob(".*.crc"):
        checksum.unlink()
    pipeline, loaded = load(spark, path, "kmeans", sha256)
    assert loaded == manifest
    assert model_hash(core_model(clusterer(pipeline))) == manifest.model_sha256


@pytest.fixture(scope="module")
def bisected(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    path = tmp_path_factory.mktemp("bisected") / "model"
    manifest, _ = published(spark, "bisecting_kmeans", str(path))
    return path, manifest


def resealed(spark: SparkSession, path: Path, algorithm: str) -> None:
    """Loads a model under the hash of its files as they are."""
    load(spark, str(path), algorithm, model_files.digest(sealing.read(spark, str(path))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 3}, "has 2 centres that are not the 3"),
        ({"model_sha256": "0"}, "not the 2 of its manifest"),
        ({"features": FEATURES[::-1]}, r"takes \['x', 'y'\], its manifest says \['y', 'x'\]"),
        ({"tree": ()}, "has another tree"),
        ({"format": 1}, "has format 1, expected 4"),
    ],
    ids=["k", "hash", "features", "tree", "format"],
)
def test_a_manifest_of_another_model_is_refused(
    spark: SparkSession,
    bisected: tuple[Path, Manifest],
    tmp_path: Path,
    change: dict[str, object],
    message: str,
) -> None:
    path, manifest = bisected
    copy = shutil.copytree(path, tmp_path / "model")
    sha256 = save_manifest(spark, replace(manifest, **change), str(copy))
    with pytest.raises(InputError, match=message):
        load(spark, str(copy), "bisecting_kmeans", sha256)


@pytest.mark.parametrize("is_all_lost", [False, True], ids=["some nodes", "all nodes"])
def test_a_tree_that_lacks_nodes_is_refused(
    spark: SparkSession, bisected: tuple[Path, Manifest], tmp_path: Path, is_all_lost: bool
) -> None:
    copy = shutil.copytree(bisected[0], tmp_path / "model")
    data = next((copy / "model" / "stages").glob("*_BisectingKMeans*/data/data"))
    parts = sorted(data.glob("*.parquet"))
    for part in parts if is_all_lost else parts[1:]:
        part.unlink()
    for checksum in data.glob(".*.crc"):
        checksum.unlink()
    with pytest.raises(InputError, match="the model at"):
        resealed(spark, copy, "bisecting_kmeans")


@pytest.mark.parametrize("parameter", ["weights", "sigmas"])
def test_a_mixture_whose_other_parameters_are_changed_is_refused(
    spark: SparkSession, tmp_path: Path, parameter: str
) -> None:
    path = tmp_path / "model"
    published(spark, "gaussian_mixture", str(path))
    [file] = (path / "model" / "stages").glob("*_GaussianMixture*/data/*.parquet")
    table = pq.read_table(file)
    place = table.column_names.index(parameter)
    [row] = table[parameter].to_pylist()
    changed = pa.array([row[::-1]], table.schema.field(place).type)
    pq.write_table(table.set_column(place, table.schema.field(place), changed), file)
    file.with_name(f".{file.name}.crc").unlink()
    with pytest.raises(InputError, match="not the 2 of its manifest"):
        resealed(spark, path, "gaussian_mixture")
