"""Runs from Python: ingest sources and segment a lake, in the caller's Spark session if any."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from pyspark.sql import SparkSession

from custseg_spark.config import shipped
from custseg_spark.config.archetypes import find, load_archetypes
from custseg_spark.config.settings import Config
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.foreign_errors import translated
from custseg_spark.engine.lake.lake import Lake as SparkTables
from custseg_spark.engine.lake.lake import require_table
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.spark.borrowing import running_session, session_beside
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.python import lakes
from custseg_spark.interfaces.python.configuring import AnyConfig, AnyMapping, AnyPath, load_config
from custseg_spark.interfaces.python.requests import Request, Source, requested
from custseg_spark.interfaces.python.segmentations import Segmentation
from custseg_spark.interfaces.python.spark_reading import SparkReader
from custseg_spark.pipeline import checks
from custseg_spark.pipeline import segmentation as pipeline
from custseg_spark.pipeline.ingest import IngestSummary
from custseg_spark.pipeline.ingest import ingest as run_ingest
from custseg_spark.progress import Progress


def segment(
    source: Source | None = None,
    *,
    mapping: AnyMapping | None = None,
    lake: AnyPath | None = None,
    run_date: date | str | None = None,
    name: str | None = None,
    config: AnyConfig = None,
    settings: Mapping[str, Any] | None = None,
    spark: SparkSession | None = None,
    again: bool = False,
) -> Segmentation:
    """Segment the customers of a source: ingest, sessions, features, models, segments.

    `source` is a path, folder, glob or URI, several of them, or a frame of Spark, pandas, Polars or
    Arrow with a `name`. Without a source the lake is segmented as it is. `mapping` describes the
    columns: the name of a mapping, its file, its content as a dict, or the proposal of `preview`.
    Only events before `run_date` count (default: the day after the last one). `config` and
    `settings` are as in `load_config`: `settings={"model.k": 5}`.

    It runs in the given Spark session, else in the running one, else in a new one. No session is
    stopped, and no setting of the caller is changed. Repeating a run changes nothing: the earlier
    run stands if its inputs are the same, unless `again` is set. Raises ConfigurationError,
    InputError, RejectedShareError and ConflictError, as the command line's exit codes.

    >>> import custseg_spark as cs
    >>> result = cs.segment("events.csv", mapping="ecommerce_events", lake="lake",
    ...                     run_date="2019-11-30")  # doctest: +SKIP
    >>> result.segments  # doctest: +SKIP
    """
    configured = load_config(config, settings, lake=lake, run_date=run_date)
    checks.check(configured)
    archetypes = _archetypes(configured, config)
    request = None if source is None else requested(source, mapping, name)
    if request is None and mapping is not None:
        raise ConfigurationError("mapping: there is no source to read by it")
    theirs = spark or (request.session if request else None) or running_session()
    tables = SparkTables(session_beside(theirs, configured.lake.umask), configured.lake)
    if request is None:
        # Checked first, because the lock would create the folder of a misspelt path.
        require_table(tables, EVENTS)
    progress, ingested = Progress(), None
    with _with_errors_of_ours(), tables.at_work():
        if request is not None:
            ingested = _ingested(tables, request, configured, progress, with_sessions=False)
        run = pipeline.segment(tables, configured, archetypes, progress, now=clock.now, again=again)
    return Segmentation(_opened(tables, theirs), run.run_date, None, ingested)


def ingest(
    source: Source,
    *,
    mapping: AnyMapping,
    lake: AnyPath | None = None,
    name: str | None = None,
    config: AnyConfig = None,
    settings: Mapping[str, Any] | None = None,
    spark: SparkSession | None = None,
) -> IngestSummary:
    """Read a source into a lake: events, refused records, the ledger and sessions.

    The arguments are those of `segment`. A file is read once, even under another name; a frame once
    for the same rows and name. Raises as `segment`.
    """
    configured = load_config(config, settings, lake=lake)
    request = requested(source, mapping, name)
    theirs = spark or request.session or running_session()
    tables = SparkTables(session_beside(theirs, configured.lake.umask), configured.lake)
    with _with_errors_of_ours(), tables.at_work():
        return _ingested(tables, request, configured, Progress(), with_sessions=True)


def _ingested(
    tables: SparkTables,
    request: Request,
    config: Config,
    progress: Progress,
    *,
    with_sessions: bool,
) -> IngestSummary:
    with request.listed(tables, config) as sources:
        return run_ingest(
            tables,
            sources,
            config,
            progress,
            ingested_at=clock.now(),
            with_sessions=with_sessions,
        )


@contextmanager
def _with_errors_of_ours() -> Iterator[None]:
    """Translate errors of libraries as the command line does: memory, disk, a damaged table."""
    try:
        yield
    except Exception as error:
        ours = translated(error)
        if ours is None or ours is error:
            raise
        raise ours from error


def _archetypes(config: Config, file: AnyConfig) -> Archetypes:
    folders = [shipped.conf_dir()]
    if file is not None and not isinstance(file, Config):
        folders.insert(0, shipped.find(os.fspath(file)).parent)
    return load_archetypes(find(config.naming.archetypes, folders), checks.feature_names())


def _opened(tables: SparkTables, theirs: SparkSession | None) -> lakes.Lake:
    """Open the lake of a run for reading; with Spark only if nothing else reaches it."""
    if not lakes.is_elsewhere(tables.config):
        return lakes.open_lake(tables.config, spark=theirs or tables.spark)
    return lakes.Lake(tables.config, SparkReader(tables), theirs or tables.spark)
