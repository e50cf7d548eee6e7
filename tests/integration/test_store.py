"""Models on disk: published ones stay, damaged ones are mended or refused."""

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
from custseg_spark.engine.spark.mllib import FITS
from custseg_spark.engine.spark.mllib_models import core_model, model_hash
from custseg_spark.engine.spark.mllib_scaling import sample_in_mllib
from custseg_spark.engine.spark.model_store import Manifest, load, save_manifest, save_model
from custseg_spark.errors import InputError

FEATURES = tuple(PreparedFeature(name, 0.0, "none", -np.inf, 9.5) for name in ("x", "y"))
SETTINGS = FitSettings(seed=3, starts=1, bisecting_iterations=5)


def points() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.repeat([[1.0, 1.0], [9.0, 1.0]], 30, axis=0) + rng.normal(size=(60, 2))


def published(spark: SparkSession, algorithm: str, path: str) -> tuple[PipelineModel, Manifest]:
    sample = sample_in_mllib(spark, points(), Preparation(FEATURES, {}, None), "standard")
    fitted = FITS[algorithm](sample, 2, SETTINGS)
    pipeline, model = PipelineModel([*sample.stages.stages, fitted]), core_model(fitted)
    save_model(spark, pipeline, path)
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
    save_manifest(spark, manifest, path)
    return pipeline, manifest


def test_saving_again_keeps_a_published_model_and_repairs_a_damaged_one(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    pipeline, manifest = published(spark, "kmeans", str(path))
    before = {f: f.stat().st_mtime_ns for f in path.rglob("*")}
    save_model(spark, pipeline, str(path))
    save_manifest(spark, manifest, str(path))
    assert {f: f.stat().st_mtime_ns for f in path.rglob("*")} == before
    shutil.rmtree(path / "model" / "metadata")
    save_model(spark, pipeline, str(path))
    assert load(spark, str(path))[1] == manifest


@pytest.fixture(scope="module")
def bisected(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    path = tmp_path_factory.mktemp("bisected") / "model"
    _, manifest = published(spark, "bisecting_kmeans", str(path))
    return path, manifest


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
    save_manifest(spark, replace(manifest, **change), str(copy))
    with pytest.raises(InputError, match=message):
        load(spark, str(copy))


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
        load(spark, str(copy))


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
        load(spark, str(path))
