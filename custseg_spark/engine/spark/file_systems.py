"""Files beyond this machine, through Hadoop's file systems: with the session's credentials."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from custseg_spark.engine.spark.privacy import UMASK, WITH_OWNERS
from custseg_spark.errors import InputError, TargetError
from custseg_spark.paths import Place, Remote, spark_uri


def withhold(spark: SparkSession, place: Place, umask: str) -> None:
    """Let Spark's own writers make files of a place without the permissions of `umask`."""
    # A file system that is open keeps the settings that it was opened with: changed there, too.
    spark.conf.set(UMASK, umask)
    uri = spark_uri(place)
    if uri.startswith(WITH_OWNERS):
        with _explained(Remote(uri), TargetError, "used"):
            system, _ = _hadoop(spark, Remote(uri))
            system.getConf().set(UMASK, umask)


@dataclass(frozen=True)
class RemoteFile:
    """A file beyond this machine, as its file system lists it."""

    place: Remote
    bytes: int
    changed_ms: int
    named_outright: bool = False


def list_remote(spark: SparkSession, place: Remote) -> list[RemoteFile]:
    """The files of a URI: of a file, a folder with all its subfolders, or a pattern; by name.

    None where nothing is there. Raises InputError for a place that can't be reached.
    """
    with _explained(place, InputError, "read"):
        system, path = _hadoop(spark, place)
        if system.exists(path):
            status = system.getFileStatus(path)
            if status.isFile():
                return [_remote_file(status, named_outright=True)]
            listing, files = system.listFiles(path, True), []
            while listing.hasNext():
                files.append(_remote_file(listing.next()))
        else:
            matching = system.globStatus(path) or []
            files = [_remote_file(status) for status in matching if status.isFile()]
    return sorted(files, key=lambda file: file.place.uri)


def _remote_file(status: Any, *, named_outright: bool = False) -> RemoteFile:
    place = Remote(status.getPath().toString())
    return RemoteFile(place, status.getLen(), status.getModificationTime(), named_outright)


def read_beginning(spark: SparkSession, place: Remote, most: int) -> bytes:
    """At most so many bytes from a file's beginning."""
    with _explained(place, InputError, "read"):
        system, path = _hadoop(spark, place)
        stream = system.open(path)
        try:
            return bytes(stream.readNBytes(most))
        finally:
            stream.close()


def read_end(spark: SparkSession, place: Remote, size: int, most: int) -> bytes:
    """At most so many bytes from the end of a file of that size."""
    with _explained(place, InputError, "read"):
        system, path = _hadoop(spark, place)
        stream = system.open(path)
        try:
            stream.seek(max(0, size - most))
            return bytes(stream.readNBytes(most))
        finally:
            stream.close()


def fetch(spark: SparkSession, place: Remote, target: Path) -> None:
    """Copy a file to this machine."""
    with _explained(place, InputError, "read"):
        system, path = _hadoop(spark, place)
        local = _hadoop_path(spark, target.absolute().as_uri())
        system.copyToLocalFile(False, path, local, True)


def send(spark: SparkSession, source: Path, place: Remote) -> None:
    """Copy a file of this machine to a place, over one that is there."""
    with _explained(place, TargetError, "written"):
        system, path = _hadoop(spark, place)
        local = _hadoop_path(spark, source.absolute().as_uri())
        conf = system.getConf()
        context: Any = spark.sparkContext
        # As a stream, like Spark's own files: S3's copyFromLocalFile takes another client.
        files = context._jvm.org.apache.hadoop.fs.FileUtil
        files.copy(local.getFileSystem(conf), local, system, path, False, True, conf)


def write_remote(spark: SparkSession, place: Remote, content: bytes) -> None:
    """Write a whole small file, over one that is there; on an object store in one step."""
    with _explained(place, TargetError, "written"):
        system, path = _hadoop(spark, place)
        stream = system.create(path, True)
        stream.write(bytearray(content))
        stream.close()


def write_bytes(spark: SparkSession, place: Place, content: bytes) -> None:
    """Write a small file in one step, over one that is there; its folders are made."""
    if isinstance(place, Remote):
        write_remote(spark, place, content)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(place)


def read_bytes(spark: SparkSession, place: Place) -> bytes | None:
    """Return a small file's content; None where there is no file."""
    if not isinstance(place, Remote):
        return place.read_bytes() if place.is_file() else None
    with _explained(place, InputError, "read"):
        system, path = _hadoop(spark, place)
        if not system.exists(path):
            return None
        size = system.getFileStatus(path).getLen()
    return read_beginning(spark, place, size)


def remove_remote(spark: SparkSession, place: Remote, *, whole: bool = False) -> None:
    """Remove a file, or a `whole` folder, if it is there."""
    with _explained(place, TargetError, "written"):
        system, path = _hadoop(spark, place)
        system.delete(path, whole)


def _hadoop(spark: SparkSession, place: Remote) -> tuple[Any, Any]:
    """Hadoop's file system of a place, and the place as it knows it."""
    # The session's own options are in it, credentials among them.
    session: Any = spark
    conf = session._jsparkSession.sessionState().newHadoopConf()
    path = _hadoop_path(spark, place.uri)
    return path.getFileSystem(conf), path


def _hadoop_path(spark: SparkSession, uri: str) -> Any:
    context: Any = spark.sparkContext
    return context._jvm.org.apache.hadoop.fs.Path(uri)


@contextmanager
def _explained(
    place: Remote, kind: type[InputError] | type[TargetError], verb: str
) -> Iterator[None]:
    try:
        yield
    except Py4JJavaError as error:
        lines = str(error.java_exception.getMessage() or error.java_exception).splitlines()
        raise kind(f"{place} can't be {verb}: {lines[0] if lines else error}") from error
