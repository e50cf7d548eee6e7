"""Source files into `events`, `rejected_events` and the ledger `ingest_files`; then `sessions`.

Order of the writes: refused records, events, ledger. A run that is killed in between has left
nothing that its successor counts twice: events are known by their id, files by their content.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame

from custseg_spark import quality
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.tables import Appender, Lake
from custseg_spark.engine.sources.discovery import files, remote
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import csv, jdbc_tables
from custseg_spark.engine.sources.formats.unpacking import unpacked
from custseg_spark.engine.sources.raw import RawSource
from custseg_spark.engine.spark.session import settings, size_shuffles
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.paths import place
from custseg_spark.pipeline import appending, ledger, registering
from custseg_spark.pipeline.ledger import Counts, LedgerRow
from custseg_spark.pipeline.readers import READERS, Part, joint
from custseg_spark.pipeline.refresh import refresh_sessions
from custseg_spark.progress import Progress
from custseg_spark.schemas import CUSTOMERS, EVENTS, INGEST_FILES, REJECTED_EVENTS, SESSIONS

INGESTED = (EVENTS, REJECTED_EVENTS, INGEST_FILES, SESSIONS, CUSTOMERS)


@dataclass
class Batch:
    """What a run has to read: per mapping its raw records, and a ledger row for each file.

    `fills` is the table that each mapping's records go to.
    """

    sources: list[tuple[MappingFile, RawSource]] = field(default_factory=list)
    rows: list[LedgerRow] = field(default_factory=list)
    known: list[SourceFile] = field(default_factory=list)
    skipped: list[SourceFile] = field(default_factory=list)
    fills: dict[str, str] = field(default_factory=dict)

    def filling(self, table: str) -> "Batch":
        """The sources and rows whose mappings fill a table."""
        sources = [(p, records) for p, records in self.sources if p.fills == table]
        return Batch(sources, [r for r in self.rows if self.fills[r.source] == table])


@dataclass(frozen=True)
class IngestSummary:
    """What ingest did, in numbers."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    rounded: int = 0
    files: int = 0
    known_files: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


def list_sources(mappings: Sequence[MappingFile]) -> list[tuple[MappingFile, list[SourceFile]]]:
    """The files of each mapping's local paths; fails on a missing path before Spark starts.

    Remote ones are listed by `ingest`, as it takes Spark.
    """
    return [
        (mapping, [f for path in mapping.path for f in files.list_files(path)])
        for mapping in mappings
    ]


def ingest(
    lake: Lake,
    listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]],
    config: Config,
    progress: Progress,
    *,
    ingested_at: datetime,
    with_sessions: bool = True,
) -> IngestSummary:
    """Reads the files that the ledger doesn't have yet, and rebuilds the sessions they touch
    (not without `with_sessions`: a segmentation that follows does it itself).

    Raises InputError for what can't be read, RejectedShareError where too much is refused; then
    nothing has been published. ConflictError where another run ingests meanwhile.
    """
    with progress.stage("create tables"):
        lake.create(INGESTED)
    # Before the ledger is read: what another run adds from here on is a conflict.
    appender = lake.appender((EVENTS, REJECTED_EVENTS, INGEST_FILES))
    staging = Path(tempfile.mkdtemp(prefix="custseg-", dir=_staging_in(config)))
    try:
        with progress.stage("inspect files") as stage:
            batch = _inspect(lake, listed, config, staging)
            stage.rows = sum(r.physical_records for r in batch.rows)
        size_shuffles(lake.spark, stage.rows)
        mappings, events = batch.filling("customers"), batch.filling("events")
        with settings(lake.spark, csv.split_settings(config.ingest.split_bytes)):
            registered = registering.check(mappings.sources, mappings.rows, config)
            counts, accepted = _publish(appender, events, config, progress, ingested_at)
            if registered:
                with progress.stage("write customers") as stage:
                    kept = registering.write(appender, registered, ingested_at)
                    stage.rows = sum(kept.values())
                counts, accepted = {**counts, **registered.counts}, {**accepted, **kept}
            ledger.write(appender, batch.rows, counts, accepted, ingested_at)
        summary = _summary(batch, counts, accepted)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if with_sessions:
        refresh_sessions(lake, config.ingest, progress)
    return summary


def _staging_in(config: Config) -> Path | None:
    """The configured folder for copies, made if it isn't there."""
    if config.ingest.staging is None:
        return None
    folder = Path(str(place(config.ingest.staging))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _file_id(file: SourceFile, mapping: MappingFile) -> str:
    key = "\n".join((file.sha256, mapping.hash(), mapping.table))
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _inspect(
    lake: Lake,
    listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]],
    config: Config,
    staging: Path,
) -> Batch:
    batch = Batch()
    in_ledger = ledger.keys(lake)
    for mapping, local in listed:
        batch.fills[mapping.name] = mapping.fills
        _check_cleaning(lake, mapping)
        is_new = partial(_is_new, mapping, in_ledger)
        elsewhere = remote.find(lake.spark, mapping, is_new, config.ingest.split_bytes, staging)
        found = [*local, *elsewhere.files, *jdbc_tables.tables(lake.spark, mapping)]
        texts: list[csv.CsvFile] = []
        parts: list[Part] = []
        for file in found:
            file_id = _file_id(file, mapping)
            if file.skipped_because:
                _note_skipped(batch, in_ledger, mapping, file)
            elif file_id in in_ledger:
                batch.known.append(file)
            elif file.kind in READERS:
                opened = READERS[file.kind](lake.spark, file, file_id, mapping, staging)
                if isinstance(opened, str):
                    skipped = replace(file, skipped_because=opened)
                    _note_skipped(batch, in_ledger, mapping, skipped)
                    continue
                in_ledger.add(file_id)
                batch.rows.append(opened.row)
                if opened.records:
                    batch.sources.append((mapping, opened.records))
                if opened.part:
                    parts.append(opened.part)
            else:
                file = unpacked(file, staging / f"{file_id}.csv")
                counted = elsewhere.facts.get(file.path)
                facts = csv.inspect(file, mapping, config.ingest.split_bytes, counted)
                if isinstance(facts, str):
                    skipped = replace(file, skipped_because=facts)
                    _note_skipped(batch, in_ledger, mapping, skipped)
                    continue
                in_ledger.add(file_id)
                texts.append(csv.CsvFile(file, file_id, facts))
                batch.rows.append(
                    LedgerRow(
                        file_id,
                        mapping.name,
                        file,
                        physical_records=facts.physical_records,
                        header=1,
                        blank=facts.blank,
                        multiline=mapping.multiline,
                    )
                )
        if texts:
            raw = csv.read(lake.spark, texts, mapping, config.ingest.split_bytes, staging)
            batch.sources += [(mapping, source) for source in raw]
        batch.sources += [(mapping, s) for s in joint(lake.spark, parts, mapping, staging)]
        _check_not_all_skipped(batch, mapping, found)
    return batch


def _is_new(mapping: MappingFile, in_ledger: set[str], file: SourceFile) -> bool:
    return _file_id(file, mapping) not in in_ledger


def _check_cleaning(lake: Lake, mapping: MappingFile) -> None:
    """A lake keeps its events: strict figures can't come of one that was filled otherwise."""
    if mapping.cleaning != "strict":
        return
    if not quality.beyond_strict(lake.read(EVENTS), mapping.name).isEmpty():
        raise ConfigurationError(
            f'source {mapping.name}: cleaning = "strict", but {lake.name(EVENTS)} holds what'
            " that would refuse, from an ingest without it; give another --lake"
        )


def _check_not_all_skipped(batch: Batch, mapping: MappingFile, found: Sequence[SourceFile]) -> None:
    """One stray file in a folder is passed over; where all are, the path or mapping is wrong."""
    skipped = {f.path: f.skipped_because for f in batch.skipped}
    if found and all(f.path in skipped for f in found):
        reasons = "".join(f"\n  {f.path}: {skipped[f.path]}" for f in found)
        raise InputError(f"source {mapping.name}: none of its files can be read{reasons}")


def _note_skipped(
    batch: Batch, in_ledger: set[str], mapping: MappingFile, file: SourceFile
) -> None:
    batch.skipped.append(file)
    reason = file.skipped_because or ""
    if ledger.skip_key(str(file.path), reason) not in in_ledger:
        batch.rows.append(LedgerRow("", mapping.name, file, skipped_because=reason))


def _publish(
    appender: Appender, batch: Batch, config: Config, progress: Progress, ingested_at: datetime
) -> tuple[dict[str, Counts], dict[str, int]]:
    """Events and refused records written: what the rules said, and what was kept, by file."""
    judged = _judge_all(batch, ingested_at)
    if judged is None:
        return {}, {}
    mappings = [mapping for mapping, _ in batch.sources]
    return appending.publish(appender, judged, mappings, batch.rows, config, progress, ingested_at)


def _judge_all(batch: Batch, ingested_at: datetime) -> DataFrame | None:
    judged: DataFrame | None = None
    for mapping, source in batch.sources:
        one = quality.judge(source.records, mapping, width=source.width, ingested_at=ingested_at)
        judged = one if judged is None else judged.unionByName(one)
    return judged


def _summary(
    batch: Batch, counts: Mapping[str, Counts], accepted: Mapping[str, int]
) -> IngestSummary:
    valid = sum(c.valid for c in counts.values())
    rejected = sum(c.rejected for c in counts.values())
    kept = sum(accepted.values())
    return IngestSummary(
        read=valid + rejected,
        accepted=kept,
        rejected=rejected,
        duplicates=valid - kept,
        rounded=sum(c.rounded for c in counts.values()),
        files=sum(1 for r in batch.rows if not r.skipped_because),
        known_files=len(batch.known),
        skipped=tuple((str(f.path), f.skipped_because or "") for f in batch.skipped),
    )
