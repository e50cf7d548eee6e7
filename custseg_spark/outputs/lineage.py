"""OpenLineage events of a command: its inputs at the start, and its outputs at the end.

Events go to the file or URL of `[lineage]`, otherwise by OpenLineage's own variables
(OPENLINEAGE_URL, OPENLINEAGE_CONFIG); without any of these nothing is imported. Events that can't
be sent are a warning: the work itself never fails, and at its end it waits no longer than
`lineage.timeout_s`. The module imports openlineage (extra `lineage`) late.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from custseg_spark import redaction
from custseg_spark.config.settings import Config, LineageConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.errors import ConfigurationError
from custseg_spark.outputs.lineage_outbox import Outbox
from custseg_spark.paths import Remote, is_database, place
from custseg_spark.redaction import redacted

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run

log = redaction.logger()

PRODUCER = "https://pypi.org/project/custseg-spark"
_VARIABLES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE")
# A server that takes no connection, or doesn't answer, is asked once for each event; one that
# answers with an error of its own again, as OpenLineage does by default.
_RETRIES = {"connect": 0, "read": 0}


@dataclass
class Written:
    """The facts of a command's last event: tables read and written with their rows, a run."""

    inputs: list[str] = field(default_factory=list)
    tables_read: list[Table] = field(default_factory=list)
    tables_written: dict[Table, int | None] = field(default_factory=dict)
    others_written: dict[str, int | None] = field(default_factory=dict)
    run_date: date | None = None


@contextmanager
def reported(
    command: str, config: Config, inputs: Sequence[str], now: Callable[[], datetime]
) -> Iterator[Written]:
    """Send START, then COMPLETE, FAIL or ABORT with the facts that the block fills in.

    `inputs` are paths and URLs of sources. Raises ConfigurationError if events are configured but
    openlineage isn't installed.
    """
    written = Written(inputs=list(inputs))
    client = _client(config.lineage)
    if client is None:
        yield written
        return
    sender = _Sender(Outbox(client), command, config, now)
    sender.send("START", written)
    try:
        yield written
    except BaseException as error:
        state = "FAIL" if isinstance(error, Exception) else "ABORT"
        sender.send(state, written, error)
        sender.close("")
        raise
    else:
        sender.send("COMPLETE", written)
        sender.close("; what the command wrote is published nevertheless")


def _client(config: LineageConfig) -> "OpenLineageClient | None":
    """Return the client; None if events aren't configured."""
    if not (config.file or config.url or any(os.environ.get(name) for name in _VARIABLES)):
        return None
    try:
        from openlineage.client import OpenLineageClient
    except ImportError as error:
        raise ConfigurationError(
            "[lineage] needs openlineage: pip install 'custseg-spark[lineage]'"
        ) from error
    if config.file:
        to_file = {"type": "file", "log_file_path": config.file, "append": True}
        return OpenLineageClient(config={"transport": to_file})
    if config.url:
        transport: dict[str, Any] = {
            "type": "http",
            "url": config.url,
            "timeout": config.timeout_s,
            "retry": _RETRIES,
        }
        if key := os.environ.get("OPENLINEAGE_API_KEY"):
            transport["auth"] = {"type": "api_key", "apiKey": key}
        return OpenLineageClient(config={"transport": transport})
    return OpenLineageClient()


def _destination(config: LineageConfig) -> str:
    """Where events go, as a warning names it: of a URL the host alone."""
    if config.file:
        return config.file
    url = config.url or os.environ.get("OPENLINEAGE_URL")
    # The rest of a URL may hold a key.
    return (
        urlsplit(url).netloc.rpartition("@")[2] if url else "the server of OpenLineage's variables"
    )


@dataclass
class _Sender:
    """The events of one run of a command, which share its id."""

    outbox: Outbox
    command: str
    config: Config
    moment: Callable[[], datetime]

    def __post_init__(self) -> None:
        from openlineage.client.uuid import generate_new_uuid

        self.run_id = str(generate_new_uuid())

    def send(self, state: str, written: Written, error: BaseException | None = None) -> None:
        """Send an event; a failure is only a warning."""
        with _harmless():
            from openlineage.client.event_v2 import RunEvent, RunState, set_producer

            set_producer(PRODUCER)
            is_over = state != "START"
            event = RunEvent(
                eventType=RunState[state],
                eventTime=self.moment().isoformat(),
                run=self._run(written, error),
                job=self._job(),
                inputs=self._inputs(written),
                outputs=self._outputs(written) if is_over and error is None else [],
            )
            self.outbox.put(state, event)

    def close(self, consequence: str) -> None:
        """Ends the sending; events that weren't sent are one warning, with its `consequence`."""
        lineage = self.config.lineage
        unsent = self.outbox.close(lineage.timeout_s)
        if unsent:
            log.warning(
                "%s got no OpenLineage event %s: %s%s",
                _destination(lineage),
                " and ".join(unsent),
                "; ".join(dict.fromkeys(unsent.values())),
                consequence,
            )

    def _run(self, written: Written, error: BaseException | None) -> "Run":
        from openlineage.client.event_v2 import Run
        from openlineage.client.facet_v2 import (
            error_message_run,
            nominal_time_run,
            processing_engine_run,
        )

        facets: dict[str, Any] = {
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                version=_version("pyspark"),
                name="Apache Spark",
                openlineageAdapterVersion=_version("custseg-spark"),
            )
        }
        if written.run_date:
            midnight = f"{written.run_date.isoformat()}T00:00:00Z"
            facets["nominalTime"] = nominal_time_run.NominalTimeRunFacet(midnight)
        if error is not None:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
                message=redacted(f"{type(error).__name__}: {error}", os.environ),
                programmingLanguage="PYTHON",
            )
        return Run(self.run_id, facets)

    def _job(self) -> "Job":
        from openlineage.client.event_v2 import Job
        from openlineage.client.facet_v2 import job_type_job

        kind = job_type_job.JobTypeJobFacet(
            processingType="BATCH", integration="CUSTSEG", jobType="COMMAND"
        )
        return Job(self.config.lineage.namespace, f"custseg.{self.command}", {"jobType": kind})

    def _inputs(self, written: Written) -> "list[InputDataset]":
        from openlineage.client.event_v2 import InputDataset

        sources = [InputDataset(*named(path)) for path in written.inputs]
        tables = [
            InputDataset(*self._table(table), facets=_columns(table))
            for table in written.tables_read
        ]
        return [*sources, *tables]

    def _outputs(self, written: Written) -> "list[OutputDataset]":
        from openlineage.client.event_v2 import OutputDataset

        tables = [
            OutputDataset(*self._table(table), facets=_columns(table), outputFacets=_rows(rows))
            for table, rows in written.tables_written.items()
        ]
        others = [
            OutputDataset(*named(path), outputFacets=_rows(rows))
            for path, rows in written.others_written.items()
        ]
        return [*tables, *others]

    def _table(self, table: Table) -> tuple[str, str]:
        lake = self.config.lake
        if lake.catalog:
            return "spark_catalog", f"{lake.catalog}.{table.name}"
        namespace, name = named(lake.path)
        return namespace, f"{name.rstrip('/')}/{table.name}"


def named(path: str) -> tuple[str, str]:
    """Return a dataset's namespace and name by OpenLineage's conventions, without secrets."""
    if is_database(path):
        url = urlsplit(redacted(path).removeprefix("jdbc:"))
        return f"{url.scheme}://{url.netloc}", url.path.strip("/") or url.netloc
    place_ = place(path)
    if isinstance(place_, Remote):
        uri = urlsplit(place_.uri)
        return f"{uri.scheme}://{uri.netloc}", uri.path.strip("/") or "/"
    return "file", str(place_.absolute())


def _columns(table: Table) -> dict[str, Any]:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=column.name, type=ddl_type(column.type))
        for column in table.schema
    ]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}


def _rows(rows: int | None) -> dict[str, Any]:
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    if rows is None:
        return {}
    return {"outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(rowCount=rows)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


@contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.warning("no OpenLineage event: %s", redacted(str(error), os.environ))
