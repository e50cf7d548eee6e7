"""Ingest a micro-batch into the lake's events; files that can't be read are noted and skipped.

A batch job ends at a file that can't be read, because somebody will look at it. A stream notes the
file with the reason in the ledger, and goes on. Refused records are in `rejected_events` either
way, but their share never ends a stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from custseg_spark import redaction
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.foreign_errors import translated
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import of_ingest
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.sources.arrivals import Arrival
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import InputError
from custseg_spark.paths import place
from custseg_spark.pipeline.ingest import IngestSummary, ingest, ledger
from custseg_spark.pipeline.ingest.ledger import LedgerRow
from custseg_spark.progress import Progress

log = redaction.logger()

Quarantined = tuple[str, str]


@dataclass(frozen=True)
class Ingested:
    """The counts of an ingest, and the skipped files: names with reasons."""

    summary: IngestSummary = field(default_factory=IngestSummary)
    quarantined: tuple[Quarantined, ...] = ()

    def __add__(self, other: "Ingested") -> "Ingested":
        both = {
            f.name: getattr(self.summary, f.name) + getattr(other.summary, f.name)
            for f in fields(IngestSummary)
        }
        return Ingested(IngestSummary(**both), self.quarantined + other.quarantined)


def ingest_arrivals(
    lake: Lake,
    mapping: MappingFile,
    arrivals: Sequence[Arrival],
    config: Config,
    progress: Progress,
    ingested_at: datetime,
) -> Ingested:
    """Read the arrivals into events, refused records and the ledger, but not into sessions.

    Raises ConflictError if another run ingests meanwhile.
    """
    bad = [_skipped(a) for a in arrivals if a.file is not None and a.file.skipped_because]
    good = [a for a in arrivals if a.file is None or not a.file.skipped_because]
    # A handful of records is too few to judge a source by its refused share.
    unlimited = replace(config, ingest=replace(config.ingest, max_rejected_share=1.0))
    of = _Ingest(lake, mapping, unlimited, progress, ingested_at)
    return _quarantined(lake, mapping, bad, ingested_at) + of.read(good)


@dataclass(frozen=True)
class _Ingest:
    lake: Lake
    mapping: MappingFile
    config: Config
    progress: Progress
    ingested_at: datetime

    def read(self, arrivals: Sequence[Arrival]) -> Ingested:
        """Ingest the arrivals at once; if that fails, half by half, down to the bad files."""
        if not arrivals:
            return Ingested()
        try:
            return Ingested(self._ingested(arrivals))
        except Exception as error:
            reason = self._reason(error)
            if reason is None:
                raise
        if len(arrivals) == 1:
            # The error may name several files, each with its own reason.
            file_reason = reason.rpartition(f"{arrivals[0].name}: ")[2]
            skipped = [(_file(arrivals[0]), file_reason)]
            return _quarantined(self.lake, self.mapping, skipped, self.ingested_at)
        half = len(arrivals) // 2
        return self.read(arrivals[:half]) + self.read(arrivals[half:])

    def _ingested(self, arrivals: Sequence[Arrival]) -> IngestSummary:
        # Ingest itself lists files that only Spark can reach.
        paths = tuple(a.path for a in arrivals if a.path)
        mapping = replace(self.mapping, path=paths, max_rejected_share=1.0)
        files = [a.file for a in arrivals if a.file is not None]
        return ingest(
            self.lake,
            [(mapping, files)],
            self.config,
            self.progress,
            ingested_at=self.ingested_at,
            with_sessions=False,
        )

    def _reason(self, error: Exception) -> str | None:
        """Return why the arrivals can't be read; None for an error with another cause."""
        ours = translated(error)
        # A damaged table is no fault of an arriving file.
        is_of_lake = f"{place(self.lake.config.path)}/" in str(ours)
        return str(ours) if isinstance(ours, InputError) and not is_of_lake else None


def _file(arrival: Arrival) -> SourceFile:
    return arrival.file or SourceFile(place(arrival.name), "unknown", 0, "")


def _skipped(arrival: Arrival) -> tuple[SourceFile, str]:
    file = _file(arrival)
    return file, file.skipped_because or ""


def _quarantined(
    lake: Lake,
    mapping: MappingFile,
    skipped: Sequence[tuple[SourceFile, str]],
    ingested_at: datetime,
) -> Ingested:
    """Note files that can't be read in the ledger, each with its reason, once."""
    if not skipped:
        return Ingested()
    with of_ingest(lake) as publication:
        ledger_keys = ledger.keys(publication.lake)
        rows = [
            LedgerRow("", mapping.name, file, skipped_because=reason)
            for file, reason in skipped
            if ledger.skip_key(file.name, reason) not in ledger_keys
        ]
        ledger.write(publication, rows, {}, {}, ingested_at)
        publication.publish()
    for file, reason in skipped:
        log.warning("%s is passed over: %s", file.name, reason)
    return Ingested(quarantined=tuple((file.name, reason) for file, reason in skipped))


def is_event_source(mapping: MappingFile) -> bool:
    """Whether a mapping's records are events."""
    return mapping.fills == EVENTS.name
