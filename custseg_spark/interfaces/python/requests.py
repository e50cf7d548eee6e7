"""The input of a run: files, or a frame under a name."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.config.jdbc import expanded
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.listing import hashed_sources, list_sources
from custseg_spark.engine.sources.frames import copied
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.python import frames
from custseg_spark.interfaces.python.configuring import AnyMapping, AnyPath, load_mapping
from custseg_spark.paths import Place, Remote, place

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    InMemory: TypeAlias = pa.Table | pd.DataFrame | pl.DataFrame | pl.LazyFrame
    Source: TypeAlias = AnyPath | Sequence[AnyPath] | DataFrame | InMemory
else:
    # pandas takes a second to import, and a path doesn't need it.
    Source = Any
Listed = list[tuple[MappingFile, list[SourceFile]]]


@dataclass(frozen=True)
class Request:
    """A mapping and its input: files of this machine and URIs, or a frame and its name."""

    mapping: MappingFile
    files: Listed
    frame: Any = None
    name: str = ""

    @property
    def session(self) -> SparkSession | None:
        """The session of a Spark frame; None for other inputs."""
        return self.frame.sparkSession if isinstance(self.frame, DataFrame) else None

    @contextmanager
    def listed(self, lake: Lake, config: Config) -> Iterator[Listed]:
        """Return the files to ingest; a frame is copied beside the lake's tables for the block."""
        if self.frame is None:
            yield self.files
            return
        is_sparks = isinstance(self.frame, DataFrame)
        frame = self.frame if is_sparks else frames.to_arrow(self.frame)
        with copied(lake.spark, frame, self.name, self.mapping, _beside(lake, config)) as copy:
            yield [(self.mapping, [copy])]


def requested(source: Source, mapping: AnyMapping | None, name: str | None) -> Request:
    """Return the request for a source; its files are listed and hashed before Spark starts.

    Raises ConfigurationError without a mapping, for a frame without a name and for files with one.
    Raises InputError if there is no file.
    """
    if mapping is None:
        raise ConfigurationError("mapping: expected one; cs.preview(source) proposes it")
    loaded = load_mapping(mapping)
    if frames.library(source) is not None:
        if not name:
            raise ConfigurationError(
                "name: a frame takes one, by which the ledger knows its rows: the same rows under"
                " the same name are read once"
            )
        return Request(replace(loaded, path=()), [], source, name)
    if name is not None:
        raise ConfigurationError("name: files have their own; only a frame takes one")
    paths = tuple(expanded(path, os.environ) for path in _paths(source))
    with_paths = replace(loaded, path=paths)
    return Request(with_paths, hashed_sources(list_sources([with_paths])))


def _paths(source: Any) -> tuple[str, ...]:
    several = [source] if isinstance(source, str | os.PathLike) else source
    if not isinstance(several, Sequence) or not several:
        raise ConfigurationError(
            f"source: expected a path, several, or a frame, got {type(source).__name__}"
        )
    return tuple(os.fspath(path) for path in several)


def _beside(lake: Lake, config: Config) -> Place:
    """Return a folder that all workers reach: the configured one for copies, else the lake's."""
    folder = place(config.ingest.staging or lake.config.path)
    return folder if isinstance(folder, Remote) else Path(folder).absolute()
