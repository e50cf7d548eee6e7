"""The local files of each mapping, listed and hashed before Spark starts."""

from collections.abc import Sequence

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.discovery.files import SourceFile


def list_sources(
    mappings: Sequence[MappingFile],
) -> list[tuple[MappingFile, list[SourceFile]]]:
    """Return the files of each mapping's local paths; fails on a missing path before Spark starts.

    No file is read (`hashed_sources` does). Remote ones are listed by `ingest`, as it takes Spark.
    """
    return [
        (mapping, [f for path in mapping.path for f in files.list_files(path, hashes=False)])
        for mapping in mappings
    ]


def hashed_sources(
    listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]],
) -> list[tuple[MappingFile, list[SourceFile]]]:
    """Return the files with the hashes of their contents, by which the ledger knows them."""
    return [
        (mapping, [files.hashed(file) for file in listed_files]) for mapping, listed_files in listed
    ]
