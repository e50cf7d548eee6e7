"""The tree of a bisecting KMeans as it was saved."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from custseg_spark.models.algorithms import centres, known
from custseg_spark.models.preparation import VECTOR
from custseg_spark.models.store import save_model
from custseg_spark.models.tree import Node, has_tree, read_tree
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import InputError

# Two groups far apart, of two pairs each, of which the larger are two again; and their sizes.
PLACES = {
    (0, 0): 40,
    (12, 0): 39,
    (0, 60): 38,
    (200, 0): 30,
    (212, 0): 29,
    (200, 60): 28,
}


@pytest.fixture(scope="module")
def customers(spark: SparkSession) -> DataFrame:
    rng = np.random.default_rng(9)
    places = np.repeat(list(PLACES), list(PLACES.values()), axis=0)
    points = places + rng.normal(size=places.shape) + 5
    return spark.createDataFrame([(Vectors.dense(p),) for p in points], [VECTOR]).coalesce(1)


def saved(
    spark: SparkSession, customers: DataFrame, k: int, path: Path
) -> tuple[np.ndarray, dict[int, Node]]:
    """The centres of a fitted model, and the nodes of its saved tree by their number."""
    model = known("bisecting_kmeans")(ModelConfig(bisecting_iterations=5), k).fit(customers)
    assert has_tree(model)
    save_model(spark, PipelineModel([model]), str(path))
    nodes = read_tree(spark, str(path))
    return centres(model), {node.index: node for node in nodes}


def members(nodes: dict[int, Node], index: int) -> set[int]:
    """The clusters under a node."""
    own = nodes[index].cluster
    children = [n.index for n in nodes.values() if n.parent == index]
    return {own} if own is not None else {c for i in children for c in members(nodes, i)}


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_leaves_are_the_models_centres_and_sizes_add_up(
    spark: SparkSession, customers: DataFrame, tmp_path: Path, k: int
) -> None:
    found, nodes = saved(spark, customers, k, tmp_path / "model")
    leaves = {n.cluster: n for n in nodes.values() if n.cluster is not None}
    assert set(leaves) == set(range(k))
    assert len(nodes) == 2 * k - 1
    files = (tmp_path / "model/model/stages").glob("*/data/data/*.parquet")
    centre_of = {
        row["index"]: row["center"]["values"]
        for file in files
        for row in pq.read_table(file).to_pylist()
    }
    for cluster, leaf in leaves.items():
        assert centre_of[leaf.index] == found[cluster].tolist()
    assert [n.index for n in nodes.values() if n.parent is None] == [-1]
    assert nodes[-1].size == sum(PLACES.values())
    for node in nodes.values():
        children = [n for n in nodes.values() if n.parent == node.index]
        assert len(children) == (0 if node.cluster is not None else 2)
        if children:
            assert sum(c.size for c in children) == node.size
            assert sum(c.cost for c in children) < node.cost


def test_a_tree_is_the_datas_hierarchy(
    spark: SparkSession, customers: DataFrame, tmp_path: Path
) -> None:
    found, nodes = saved(spark, customers, 6, tmp_path / "model")
    cluster_at = {place: int(((found - place - 5) ** 2).sum(axis=1).argmin()) for place in PLACES}
    expected = [
        {(0, 0), (12, 0)},
        {(200, 0), (212, 0)},
        {(0, 0), (12, 0), (0, 60)},
        {(200, 0), (212, 0), (200, 60)},
        set(PLACES),
    ]
    inner = [members(nodes, n.index) for n in nodes.values() if n.cluster is None]
    assert sorted(map(sorted, inner)) == sorted(
        sorted(cluster_at[place] for place in group) for group in expected
    )
    sizes = {place: nodes[cluster].size for place, cluster in cluster_at.items()}
    assert sizes == PLACES


def test_where_there_is_no_tree_it_is_said(
    spark: SparkSession, customers: DataFrame, tmp_path: Path
) -> None:
    flat = Pipeline(stages=[KMeans(k=2, seed=1, featuresCol=VECTOR)]).fit(customers)
    assert not has_tree(flat.stages[-1])
    save_model(spark, flat, str(tmp_path / "flat"))
    with pytest.raises(InputError, match="there is no bisecting KMeans at"):
        read_tree(spark, str(tmp_path / "flat"))


def test_a_tree_that_lacks_nodes_is_refused(
    spark: SparkSession, customers: DataFrame, tmp_path: Path
) -> None:
    saved(spark, customers, 3, tmp_path / "model")
    data = next((tmp_path / "model/model/stages").glob("*/data/data"))
    for part in sorted(data.glob("*.parquet"))[1:]:
        part.unlink()
    for checksum in data.glob(".*.crc"):
        checksum.unlink()
    with pytest.raises(InputError, match="nodes that make no tree"):
        read_tree(spark, str(tmp_path / "model"))
    shutil.rmtree(data)
    with pytest.raises(InputError, match="there is no bisecting KMeans at"):
        read_tree(spark, str(tmp_path / "model"))
