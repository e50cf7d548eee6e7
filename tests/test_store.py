"""Models of each algorithm come back from disk as they were, or are refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from custseg_spark.models.algorithms import ALGORITHMS, known
from custseg_spark.models.preparation import VECTOR, PreparedFeature
from custseg_spark.models.store import Manifest, load, model_hash, save_manifest, save_model
from custseg_spark.models.tree import has_tree, read_tree
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import InputError

FEATURES = tuple(PreparedFeature(name, 0.0, "none", -np.inf, 9.5) for name in ("x", "y"))
CONFIG = ModelConfig(seed=3, starts=1, bisecting_iterations=5)


@pytest.fixture(scope="module")
def customers(spark: SparkSession) -> DataFrame:
    rng = np.random.default_rng(1)
    points = np.repeat([[1.0, 1.0], [9.0, 1.0]], 30, axis=0) + rng.normal(size=(60, 2))
    return spark.createDataFrame(points.tolist(), ["x", "y"]).coalesce(1)


def published(
    spark: SparkSession, customers: DataFrame, algorithm: str, path: str
) -> tuple[PipelineModel, Manifest]:
    assembler = VectorAssembler(inputCols=["x", "y"], outputCol=VECTOR)
    model = known(algorithm)(CONFIG, 2).fit(assembler.transform(customers))
    pipeline = Pipeline(stages=[assembler, model]).fit(customers)
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
        tree=read_tree(spark, path) if has_tree(model) else (),
        model_sha256=model_hash(model),
    )
    save_manifest(spark, manifest, path)
    return pipeline, manifest


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_a_published_model_scores_as_before(
    spark: SparkSession, customers: DataFrame, tmp_path: Path, algorithm: str
) -> None:
    path = str(tmp_path / "model")
    pipeline, manifest = published(spark, customers, algorithm, path)
    loaded, read = load(spark, path)
    assert read == manifest
    label = f"{algorithm}_2"
    before = [r[label] for r in pipeline.transform(customers).collect()]
    assert [r[label] for r in loaded.transform(customers).collect()] == before
    assert model_hash(loaded.stages[-1]) == manifest.model_sha256


def test_saving_again_leaves_a_published_model_alone_and_mends_a_damaged_one(
    spark: SparkSession, customers: DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    pipeline, manifest = published(spark, customers, "kmeans", str(path))
    before = {f: f.stat().st_mtime_ns for f in path.rglob("*")}
    save_model(spark, pipeline, str(path))
    save_manifest(spark, manifest, str(path))
    assert {f: f.stat().st_mtime_ns for f in path.rglob("*")} == before
    shutil.rmtree(path / "model" / "metadata")
    save_model(spark, pipeline, str(path))
    assert load(spark, str(path))[1] == manifest


def test_a_model_without_a_manifest_is_not_published(
    spark: SparkSession, customers: DataFrame, tmp_path: Path
) -> None:
    path = str(tmp_path / "model")
    published(spark, customers, "kmeans", path)
    shutil.rmtree(tmp_path / "model" / "manifest")
    with pytest.raises(InputError, match="no model with a manifest"):
        load(spark, path)


@pytest.fixture(scope="module")
def bisected(
    spark: SparkSession, customers: DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    path = tmp_path_factory.mktemp("bisected") / "model"
    _, manifest = published(spark, customers, "bisecting_kmeans", str(path))
    return path, manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 3}, "has 2 centres that are not the 3"),
        ({"model_sha256": "0"}, "not the 2 of its manifest"),
        ({"features": FEATURES[::-1]}, r"takes \['x', 'y'\], its manifest says \['y', 'x'\]"),
        ({"tree": ()}, "has another tree"),
        ({"format": 1}, "has format 1, expected 3"),
    ],
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


@pytest.mark.parametrize("parameter", ["weights", "sigmas"])
def test_a_mixture_whose_other_parameters_are_changed_is_refused(
    spark: SparkSession, customers: DataFrame, tmp_path: Path, parameter: str
) -> None:
    path = tmp_path / "model"
    published(spark, customers, "gaussian_mixture", str(path))
    [file] = (path / "model" / "stages").glob("*_GaussianMixture*/data/*.parquet")
    table = pq.read_table(file)
    place = table.column_names.index(parameter)
    [row] = table[parameter].to_pylist()
    changed = pa.array([row[::-1]], table.schema.field(place).type)
    pq.write_table(table.set_column(place, table.schema.field(place), changed), file)
    file.with_name(f".{file.name}.crc").unlink()
    with pytest.raises(InputError, match="not the 2 of its manifest"):
        load(spark, str(path))
