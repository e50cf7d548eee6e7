"""One hash of all files of a saved model, and the classes that its metadata may name.

MLlib makes objects of whatever class the metadata names, Python's modules among them; so nothing
of a model is loaded before its files are those that its run has published.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pyspark.sql import SparkSession

from custseg_spark.engine.spark import session
from custseg_spark.errors import InputError
from custseg_spark.paths import Place, Remote, place

# Far beyond a model of ours: some dozen files of a few kilobytes.
_MOST_FILES, _MOST_BYTES = 1_000, 1 << 28
_PIPELINE = "org.apache.spark.ml.PipelineModel"
_SCALERS = (
    "org.apache.spark.ml.feature.StandardScalerModel",
    "org.apache.spark.ml.feature.RobustScalerModel",
)
CLUSTERERS = {
    "kmeans": "org.apache.spark.ml.clustering.KMeansModel",
    "bisecting_kmeans": "org.apache.spark.ml.clustering.BisectingKMeansModel",
    "gaussian_mixture": "org.apache.spark.ml.clustering.GaussianMixtureModel",
}
# The tree of a bisecting model has metadata of its own.
_TREE = "org.apache.spark.mllib.clustering.BisectingKMeansModel"
_BEFORE_SCALER = "org.apache.spark.ml.feature.VectorAssembler"
_AFTER_SCALER = "org.apache.spark.ml.feature.PCAModel"

Files = Mapping[str, bytes]


def read(spark: SparkSession, path: str) -> Files:
    """The content of a saved model's files by their paths below its folder; empty without one.

    Raises InputError for what no model has: links, too many files, too many bytes.
    """
    folder = place(path)
    files: dict[str, bytes] = {}
    size = 0
    for name, content in _contents(spark, folder):
        size += len(content)
        if len(files) == _MOST_FILES or size > _MOST_BYTES:
            raise InputError(f"{path} has more files or bytes than a model")
        files[name] = content
    return files


def digest(files: Files) -> str:
    """The hash of a model's files: their paths, lengths and contents."""
    whole = hashlib.sha256()
    for name in sorted(files):
        content = files[name]
        own = hashlib.sha256(content).hexdigest()
        whole.update(f"{len(name.encode())} {name} {len(content)} {own}\n".encode())
    return whole.hexdigest()


def _contents(spark: SparkSession, folder: Place) -> Iterator[tuple[str, bytes]]:
    if isinstance(folder, Remote):
        for file in session.list_remote(spark, folder):
            name = file.place.uri.removeprefix(f"{folder.uri.rstrip('/')}/")
            if not _is_checksum(name) and file.bytes <= _MOST_BYTES:
                yield name, session.read_bytes(spark, file.place) or b""
        return
    for path in _local_files(folder):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _local_files(folder: Path) -> Iterator[Path]:
    """The files below a folder of this machine. Raises InputError for a link or a device."""
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            status = path.lstat()
            is_folder = stat.S_ISDIR(status.st_mode)
            if not is_folder and not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path} is neither a file nor a folder: no part of a model")
            if is_folder or _is_checksum(name):
                continue
            if status.st_size > _MOST_BYTES:
                raise InputError(f"{path} is longer than a model")
            yield path


def _is_checksum(name: str) -> bool:
    """Hadoop's own; a copy through its shell has none. What it guards is hashed itself."""
    name = PurePosixPath(name).name
    return name.startswith(".") and name.endswith(".crc")


def require_classes(files: Files, algorithm: str, path: str) -> None:
    """Raises InputError unless the metadata names the classes of our pipelines, and no other."""
    try:
        found = _classes(files)
        wanted = CLUSTERERS[algorithm]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"the metadata of the model at {path} can't be read: {error}") from error
    top, *stages = found
    is_ours = (
        top == _PIPELINE
        and stages[:1] == [_BEFORE_SCALER]
        and stages[1:2] in [[scaler] for scaler in _SCALERS]
        and stages[2:] in ([wanted], [_AFTER_SCALER, wanted])
    )
    if not is_ours:
        raise InputError(
            f"the model at {path} is no pipeline of {algorithm} as this program saves them: it"
            f" names the classes {', '.join(map(str, found))}"
        )


def _classes(files: Files) -> list[str]:
    """The class of the pipeline, and of each stage in order."""
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
    if stages[-1]["class"] == CLUSTERERS["bisecting_kmeans"]:
        last = f"{len(stages) - 1}_{pipeline['paramMap']['stageUids'][-1]}"
        tree = metadata.pop(f"model/stages/{last}/data/metadata")
        if tree["class"] != _TREE:
            raise ValueError(f"its tree is a {tree['class']}")
    if metadata:
        raise ValueError(f"{min(metadata)} is of no stage")
    return [one["class"] for one in (pipeline, *stages)]
