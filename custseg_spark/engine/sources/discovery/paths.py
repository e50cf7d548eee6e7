"""Paths of files for Spark, because Hadoop gives some names a special meaning."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.paths import Place, Remote, place, spark_uri

T = TypeVar("T")

# Hadoop would decompress files with these endings, whatever their content.
_CODEC_ENDINGS = (".gz", ".bz2", ".deflate", ".lz4", ".snappy", ".zst", ".passthrough")
# A JVM under a POSIX locale can't open other names; Hadoop takes a colon for a scheme.
_ORDINARY_PATH = re.compile(r"[ -9;-~]+")
_ENDINGS = {"gzip": ".csv.gz", "parquet": ".parquet"}


def is_read_in_place(path: Place, kind: str) -> bool:
    """Whether Spark reads a file correctly under its own name."""
    is_gzip = kind == "gzip"
    fits = path.name.endswith(".gz") if is_gzip else not path.name.endswith(_CODEC_ENDINGS)
    return fits and not (path.name.startswith(("_", ".")) or path.name.endswith("._COPYING_"))


def spark_path(file: SourceFile, file_id: str, staging: Path) -> str:
    """Return a name under which Spark reads the file correctly.

    Spark recognises gzip by the ending `.gz` and skips names that begin with `_` or `.`. If name
    and content disagree, or a name is unusual, a link stands in.
    """
    path = file.unpacked or file.path
    is_ordinary = isinstance(path, Remote) or _ORDINARY_PATH.fullmatch(str(path))
    if is_ordinary and is_read_in_place(path, file.kind):
        return str(path)
    staging.mkdir(parents=True, exist_ok=True)
    link = staging / f"{file_id}{_ENDINGS.get(file.kind, '.csv')}"
    if not link.exists():
        link.symlink_to(file.data)
    return str(link)


def outright(path: str | Path) -> str:
    """Escape the characters that Hadoop takes for a pattern."""
    return re.sub(r"([\\{}\[\]*?,])", r"\\\1", spark_uri(place(str(path))))


def of_input_file(uri: str, by_path: Mapping[str, T]) -> T:
    """Return the entry of the path that Spark names by this URI of an input file."""
    path = unquote(re.sub(r"^file:/+", "/", uri))
    # Databricks names a volume's file with a scheme, whether or not the request had one.
    return by_path[path] if path in by_path else by_path[path.removeprefix("dbfs:")]


def metadata_path(uri: str) -> str:
    """Return an input file's URI as it is in the column `_metadata.file_path`."""
    return re.sub(r"^file:/+", "file:/", uri)
