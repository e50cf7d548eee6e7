"""The input of one ingest."""

from dataclasses import dataclass, field

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.streams import RecordStream
from custseg_spark.pipeline.ingest.ledger import LedgerRow


@dataclass
class Batch:
    """The input of a run: streams of records, and a ledger row for each file."""

    streams: list[RecordStream] = field(default_factory=list)
    mappings: list[MappingFile] = field(default_factory=list)
    rows: list[LedgerRow] = field(default_factory=list)
    known: list[SourceFile] = field(default_factory=list)
    skipped: list[SourceFile] = field(default_factory=list)
    _of_table: list[tuple[str, RecordStream]] = field(default_factory=list)

    def add(self, stream: RecordStream, table: str) -> None:
        """Add a stream of records for a table."""
        self.streams.append(stream)
        self._of_table.append((table, stream))

    def filling(self, table: str) -> "Batch":
        """Return the streams, mappings and ledger rows that fill a table."""
        mappings = [m for m in self.mappings if m.fills == table]
        names = {m.name for m in mappings}
        return Batch(
            [stream for name, stream in self._of_table if name == table],
            mappings,
            [r for r in self.rows if r.source in names],
        )
