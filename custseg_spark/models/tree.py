"""The tree of a bisecting KMeans: which cluster was divided into which.

Python's model shows the leaves only; the saved model has the inner nodes as well.
"""

from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.ml.clustering import BisectingKMeansModel
from pyspark.sql import SparkSession

from custseg_spark.errors import InputError
from custseg_spark.models.algorithms import Model


@dataclass(frozen=True)
class Node:
    """A node by MLlib's number, from 0 for leaves and from -1, the root, down for inner nodes.

    `cluster` is a leaf's position among the model's centres. `size` (points) and `cost` (squared
    distances to the node's centre, summed) are those of the fit.
    """

    index: int
    parent: int | None
    size: int
    cost: float
    cluster: int | None


def has_tree(model: Model) -> bool:
    """Whether a model's clusters are the leaves of a tree."""
    return isinstance(model, BisectingKMeansModel)


def read_tree(spark: SparkSession, path: str) -> tuple[Node, ...]:
    """The nodes of a saved bisecting KMeans, inner ones from the root on, then the leaves.

    `path` is that of `store.save_model`. Raises InputError where the nodes make no tree.
    """
    try:
        data = spark.read.parquet(f"{path}/model/stages/*_BisectingKMeans*/data/data")
    except AnalysisException as error:
        raise InputError(f"there is no bisecting KMeans at {path}") from error
    rows = data.select("index", "size", "cost", "children").collect()
    parents = {child: row["index"] for row in rows for child in row["children"]}
    leaves = sorted(row["index"] for row in rows if not row["children"])
    roots = [row["index"] for row in rows if row["index"] not in parents]
    # MLlib numbers the leaves in the order of the centres, and predicts these numbers.
    whole = leaves == list(range(len(leaves))) and len(parents) + 1 == len(rows)
    if not whole or len(roots) != 1:
        raise InputError(f"the bisecting KMeans at {path} has {len(rows)} nodes that make no tree")
    nodes = [
        Node(
            index=row["index"],
            parent=parents.get(row["index"]),
            size=row["size"],
            cost=row["cost"],
            cluster=None if row["children"] else row["index"],
        )
        for row in rows
    ]
    return tuple(sorted(nodes, key=lambda node: (node.cluster is not None, abs(node.index))))
