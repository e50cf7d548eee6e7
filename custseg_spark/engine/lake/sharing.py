"""Decide whether tasks can write a lake's files: driver and executors must share its folder."""

from contextlib import suppress
from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake import shared_folder
from custseg_spark.engine.spark import tasks
from custseg_spark.paths import Remote, place

# More than the executors of most clusters, because each of them must answer.
_PROBES = 64


def only_spark_because(spark: SparkSession, config: LakeConfig) -> str | None:
    """Say why only Spark can write the lake; None if tasks can write its files.

    With `lake.io = "native"` the folder is assumed to be shared.
    """
    folder = place(config.path)
    if config.catalog:
        return "a catalog decides where its tables are"
    if isinstance(folder, Remote):
        return "it isn't a folder of this machine"
    return None if config.io == "native" else _not_shared_because(spark, folder.absolute())


def _not_shared_because(spark: SparkSession, folder: Path) -> str | None:
    if not shared_folder.is_native_path(str(folder)):
        return "its file system only looks like a folder"
    is_new = not folder.exists()
    name = shared_folder.write_probe(folder)
    if name is None:
        return "a file can't be written or linked there"
    try:
        return None if _all_see(spark, folder, name) else "not every executor shares its folder"
    finally:
        shared_folder.remove_probes(folder, name)
        if is_new:
            # A command that only reads must not create a folder for a misspelt path.
            with suppress(OSError):
                folder.rmdir()


def _all_see(spark: SparkSession, folder: Path, name: str) -> bool:
    """Whether all tasks see the driver's probe, and the driver sees their answers."""
    if str(spark.conf.get("spark.master", "")).startswith("local"):
        return True
    probes = [(str(folder), name, number) for number in range(_PROBES)]
    answers = tasks.run(spark, _answer, probes)
    return all(answer is not None and (folder / answer).exists() for answer in answers)


def _answer(probe: tuple[str, str, int]) -> str | None:
    folder, name, number = probe
    return shared_folder.answer_probe(folder, name, number)
