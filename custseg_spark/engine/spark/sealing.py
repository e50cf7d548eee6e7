"""Read the files of a saved model, local or remote, and check the classes in its metadata.

MLlib instantiates any class that the metadata names, even from Python modules. A model is therefore
loaded only after its files were found unchanged since its run published them.
"""

import json
from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession

from custseg_spark.engine import model_files
from custseg_spark.engine.model_files import Files
from custseg_spark.engine.spark import file_systems
from custseg_spark.errors import InputError
from custseg_spark.paths import Remote, place

_PIPELINE = "org.apache.spark.ml.PipelineModel"
_SCALERS = (
    "org.apache.spark.ml.feature.StandardScalerModel",
    "org.apache.spark.ml.feature.RobustScalerModel",
)
_KMEANS = "org.apache.spark.ml.clustering.KMeansModel"
_BISECTING = "org.apache.spark.ml.clustering.BisectingKMeansModel"
CLUSTERERS = {
    "kmeans": (_KMEANS,),
    # A tree whose leaves were refined has nearest centres.
    "bisecting_kmeans": (_KMEANS, _BISECTING),
    "gaussian_mixture": ("org.apache.spark.ml.clustering.GaussianMixtureModel",),
}
# The tree of a bisecting model has metadata of its own.
_TREE = "org.apache.spark.mllib.clustering.BisectingKMeansModel"
_BEFORE_SCALER = "org.apache.spark.ml.feature.VectorAssembler"
_AFTER_SCALER = "org.apache.spark.ml.feature.PCAModel"


def read(spark: SparkSession, path: str) -> Files:
    """Return the contents of a model's files by relative path; empty if there is no folder.

    Raises InputError for links, and for more files or bytes than a model has.
    """
    folder = place(path)
    if isinstance(folder, Remote):
        return model_files.gathered(_remote_files(spark, folder), path)
    return model_files.read(folder)


def _remote_files(spark: SparkSession, folder: Remote) -> Iterator[tuple[str, bytes]]:
    for file in file_systems.list_remote(spark, folder):
        name = file.place.uri.removeprefix(f"{folder.uri.rstrip('/')}/")
        if not model_files.is_checksum(name) and file.bytes <= model_files.MOST_BYTES:
            yield name, file_systems.read_bytes(spark, file.place) or b""


def require_classes(files: Files, algorithm: str, path: str) -> None:
    """Raise InputError unless the metadata names exactly the classes of our pipelines."""
    try:
        classes = _classes(files)
        expected = CLUSTERERS[algorithm]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"the metadata of the model at {path} can't be read: {error}") from error
    top, *stages = classes
    is_ours = (
        top == _PIPELINE
        and stages[:1] == [_BEFORE_SCALER]
        and stages[1:2] in [[scaler] for scaler in _SCALERS]
        and stages[2:-1] in ([], [_AFTER_SCALER])
        and stages[-1] in expected
    )
    if not is_ours:
        raise InputError(
            f"the model at {path} is no pipeline of {algorithm} as this program saves them: it"
            f" names the classes {', '.join(map(str, classes))}"
        )


def _classes(files: Files) -> list[str]:
    """Return the class of the pipeline and of each stage, in order."""
    metadata: dict[str, Any] = {}
    for name, content in files.items():
        folder, _, file = name.rpartition("/")
        if folder.endswith("metadata") and not file.startswith(("_", ".")):
            if folder in metadata:
                raise ValueError(f"{folder} has two files")
            metadata[folder] = json.loads(content)
    if any("language" in (one.get("paramMap") or {}) for one in metadata.values()):
        raise ValueError("it is of another language")
    pipeline = metadata.pop("model/metadata")
    stages = [
        metadata.pop(f"model/stages/{place}_{uid}/metadata")
        for place, uid in enumerate(pipeline["paramMap"]["stageUids"])
    ]
    if stages[-1]["class"] == _BISECTING:
        last = f"{len(stages) - 1}_{pipeline['paramMap']['stageUids'][-1]}"
        tree = metadata.pop(f"model/stages/{last}/data/metadata")
        if tree["class"] != _TREE:
            raise ValueError(f"its tree is a {tree['class']}")
    if metadata:
        raise ValueError(f"{min(metadata)} is of no stage")
    return [one["class"] for one in (pipeline, *stages)]
