"""Source files into `events`, `rejected_events` and the ledger `ingest_files`; then `sessions`.

Refused records, events and ledger are published together: of a killed run all of them are in the
lake or none, because the next to open the lake settles it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from custseg_spark import scratch
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import IngestPublication, of_ingest
from custseg_spark.engine.lake.schemas import (
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    SESSIONS,
)
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.listing import hashed_sources as hashed_sources
from custseg_spark.engine.sources.discovery.listing import list_sources as list_sources
from custseg_spark.engine.sources.formats import remote_text
from custseg_spark.engine.spark.session import settings, size_shuffles
from custseg_spark.paths import place
from custseg_spark.pipeline.ingest import customers, ledger, native_events, spark_events
from custseg_spark.pipeline.ingest.batch import Batch
from custseg_spark.pipeline.ingest.inspection import inspected
from custseg_spark.pipeline.ingest.ledger import Counts
from custseg_spark.pipeline.sessions import refresh_sessions
from custseg_spark.progress import Progress

INGESTED = (EVENTS, REJECTED_EVENTS, INGEST_FILES, SESSIONS, CUSTOMERS)


@dataclass(frozen=True)
class IngestSummary:
    """The counts of one ingest."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    ignored: int = 0
    duplicates: int = 0
    rounded: int = 0
    files: int = 0
    known_files: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


def ingest(
    lake: Lake,
    listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]],
    config: Config,
    progress: Progress,
    *,
    ingested_at: datetime,
    with_sessions: bool = True,
) -> IngestSummary:
    """Read the files that aren't in the ledger yet, and rebuild the sessions they touch.

    Without `with_sessions` a following segmentation rebuilds them. Raises InputError for files that
    can't be read and RejectedShareError for too many refused records; then nothing is published.
    Raises ConflictError if another run ingests meanwhile.
    """
    with progress.stage("create tables"):
        lake.create(INGESTED)
    # Begun before the ledger is read: anything that another run adds from here on is a conflict.
    with (
        of_ingest(lake) as publication,
        scratch.folder("custseg-ingest-", _staging_in(config)) as staging,
    ):
        summary = _ingested(publication, listed, config, progress, staging, ingested_at)
    if with_sessions:
        refresh_sessions(lake, config.ingest, progress)
    return summary


def _ingested(
    publication: IngestPublication,
    listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]],
    config: Config,
    progress: Progress,
    staging: Path,
    ingested_at: datetime,
) -> IngestSummary:
    """Publish everything but sessions."""
    lake = publication.lake
    with progress.stage("inspect files") as stage:
        batch = inspected(lake, hashed_sources(listed), config, staging)
        stage.rows = sum(r.physical_records for r in batch.rows)
    size_shuffles(lake.spark, stage.rows)
    publication.note([row.file_id for row in batch.rows if row.file_id])
    with settings(lake.spark, remote_text.split_settings(config.ingest.split_bytes)):
        counts, accepted = _written(publication, batch, config, progress, ingested_at)
        ledger.write(publication, batch.rows, counts, accepted, ingested_at)
    publication.publish()
    return _summary(batch, counts, accepted)


def _written(
    publication: IngestPublication,
    batch: Batch,
    config: Config,
    progress: Progress,
    ingested_at: datetime,
) -> tuple[dict[str, Counts], dict[str, int]]:
    """Write everything but the ledger; return the counts and the kept records, by file."""
    attributes, events = batch.filling("customers"), batch.filling("events")
    registered = customers.check(attributes.streams, attributes.mappings, attributes.rows, config)
    counts: dict[str, Counts] = {}
    accepted: dict[str, int] = {}
    if events.streams:
        publish = native_events.publish if publication.lake.native else spark_events.publish
        counts, accepted = publish(publication, events, config, progress, ingested_at)
    if registered:
        with progress.stage("write customers") as stage:
            kept = customers.write(publication, registered, ingested_at.date())
            stage.rows = sum(kept.values())
        counts, accepted = {**counts, **registered.counts}, {**accepted, **kept}
    return counts, accepted


def _staging_in(config: Config) -> Path | None:
    """Return the configured folder for copies; create it if it is missing."""
    if config.ingest.staging is None:
        return None
    folder = Path(str(place(config.ingest.staging))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _summary(
    batch: Batch, counts: Mapping[str, Counts], accepted: Mapping[str, int]
) -> IngestSummary:
    valid = sum(c.valid for c in counts.values())
    rejected = sum(c.rejected for c in counts.values())
    ignored = sum(c.ignored for c in counts.values())
    kept = sum(accepted.values())
    return IngestSummary(
        read=valid + rejected + ignored,
        accepted=kept,
        rejected=rejected,
        ignored=ignored,
        duplicates=valid - kept,
        rounded=sum(c.rounded for c in counts.values()),
        files=sum(1 for r in batch.rows if not r.skipped_because),
        known_files=len(batch.known),
        skipped=tuple((f.name, f.skipped_because or "") for f in batch.skipped),
    )
