"""Whether driver and executors share a folder: a probe file tells."""

from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.engine.lake import shared_folder
from custseg_spark.engine.spark import tasks

# More than the executors of most clusters: each of them must have answered.
_PROBES = 64


def is_shared(spark: SparkSession, folder: Path) -> bool:
    """Whether tasks wherever they run see the folder, and the driver what they write there."""
    if not shared_folder.is_native_path(str(folder)):
        return False
    master = str(spark.conf.get("spark.master", ""))
    if master.startswith("local"):
        # One machine; but a folder that can't be written or linked in isn't native.
        name = shared_folder.write_probe(folder)
        if name is not None:
            shared_folder.remove_probes(folder, name)
        return name is not None
    return _is_seen(spark, folder)


def _is_seen(spark: SparkSession, folder: Path) -> bool:
    name = shared_folder.write_probe(folder)
    if name is None:
        return False
    try:
        probes = [(str(folder), name, number) for number in range(_PROBES)]
        answers = tasks.run(spark, _answer, probes)
        return all(answer is not None and (folder / answer).exists() for answer in answers)
    finally:
        shared_folder.remove_probes(folder, name)


def _answer(probe: tuple[str, str, int]) -> str | None:
    folder, name, number = probe
    return shared_folder.answer_probe(folder, name, number)
