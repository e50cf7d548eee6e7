"""Inspect the files that a run has to read: ledger rows, and streams of records."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.sources.discovery import remote
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.remote import RemoteFiles
from custseg_spark.engine.sources.formats import jdbc_tables, parquet
from custseg_spark.engine.sources.formats.parquet import ParquetFile
from custseg_spark.engine.sources.formats.remote_text import RemoteText
from custseg_spark.engine.sources.pieces import MappedPiece
from custseg_spark.engine.sources.readers import READERS, Opened, Opening
from custseg_spark.engine.sources.streams import (
    LineStream,
    PieceStream,
    RecordStream,
    RowStream,
)
from custseg_spark.engine.spark.session import cores
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.pipeline.ingest import ledger
from custseg_spark.pipeline.ingest.batch import Batch
from custseg_spark.pipeline.ingest.ledger import LedgerRow

# A piece of a text file is short enough to keep all cores at work, but not so short that the task
# costs more than its records; at most `ingest.split_bytes`.
_SHORTEST_PIECE = 1 << 23
_PIECES_PER_CORE = 2


def inspected(
    lake: Lake,
    listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]],
    config: Config,
    staging: Path,
) -> Batch:
    """Open and count the new files of the mappings.

    Raises InputError for files that can't be read.
    """
    batch = Batch()
    in_ledger = ledger.keys(lake)
    pieces: dict[str, list[MappedPiece]] = {}
    piece_bytes = _piece_bytes(lake, listed, config.ingest.split_bytes)
    for mapping, local in listed:
        batch.mappings.append(mapping)
        _check_cleaning(lake, mapping)
        is_new = partial(_is_new, mapping, in_ledger)
        elsewhere = remote.find(lake.spark, mapping, is_new, config.ingest.split_bytes, staging)
        files = [*local, *elsewhere.files, *jdbc_tables.tables(lake.spark, mapping)]
        # Of equal events the one of the first file stays, in whatever order the paths were given.
        files.sort(key=lambda file: file.name)
        remotes = _opened(lake, batch, mapping, files, elsewhere, in_ledger, staging, piece_bytes,
                          pieces.setdefault(mapping.fills, []))  # fmt: skip
        for stream in _remote_streams(lake, mapping, remotes, config):
            batch.add(stream, mapping.fills)
        _check_not_all_skipped(batch, mapping, files)
    for table, of_table in pieces.items():
        if of_table:
            batch.add(PieceStream(lake.spark, of_table, piece_bytes), table)
    return batch


def _piece_bytes(
    lake: Lake, listed: Sequence[tuple[MappingFile, Sequence[SourceFile]]], longest: int
) -> int:
    total = sum(file.bytes for _, files in listed for file in files if not file.skipped_because)
    bytes_per_piece = -(-total // (_PIECES_PER_CORE * cores(lake.spark)))
    return min(longest, max(_SHORTEST_PIECE, bytes_per_piece))


def _opened(
    lake: Lake,
    batch: Batch,
    mapping: MappingFile,
    files: Sequence[SourceFile],
    elsewhere: RemoteFiles,
    in_ledger: set[str],
    staging: Path,
    piece_bytes: int,
    pieces: list[MappedPiece],
) -> list[RemoteText | ParquetFile]:
    """Open the new files of a mapping; return those that Spark reads in place."""
    remotes: list[RemoteText | ParquetFile] = []
    # A task needs only the part of a mapping that turns records into events.
    kernels = mapping.for_kernels()
    for file in files:
        file_id = _file_id(file, mapping)
        if file.skipped_because:
            _note_skipped(batch, in_ledger, mapping, file)
            continue
        if file_id in in_ledger:
            batch.known.append(file)
            continue
        by = Opening(lake.spark, staging, piece_bytes, elsewhere.facts.get(file.path))
        opened = READERS[file.kind](file, file_id, mapping, by)
        if isinstance(opened, str):
            skipped = replace(file, skipped_because=opened)
            _note_skipped(batch, in_ledger, mapping, skipped)
            continue
        in_ledger.add(file_id)
        for part in opened if isinstance(opened, list) else [opened]:
            if part.part and part.part.skipped_because:
                _note_skipped(batch, in_ledger, mapping, part.part)
                continue
            row = _ledger_row(part.part or file, part.part_id or file_id, mapping, part)
            batch.rows.append(row)
            pieces += [MappedPiece(kernels, piece) for piece in part.pieces]
            remotes += part.remotes
    return remotes


def _ledger_row(file: SourceFile, file_id: str, mapping: MappingFile, opened: Opened) -> LedgerRow:
    return LedgerRow(
        file_id,
        mapping.name,
        file,
        table=opened.table,
        physical_records=opened.physical_records,
        header=opened.header,
        blank=opened.blank,
        multiline=mapping.multiline and file.kind in ("text", "gzip", "xz"),
    )


def _remote_streams(
    lake: Lake,
    mapping: MappingFile,
    remotes: Sequence[RemoteText | ParquetFile],
    config: Config,
) -> list[RecordStream]:
    texts = [r for r in remotes if isinstance(r, RemoteText)]
    tables = [r for r in remotes if isinstance(r, ParquetFile)]
    kernels = mapping.for_kernels()
    streams: list[RecordStream] = [
        RowStream(lake.spark, kernels, group) for group in parquet.same_schema(tables)
    ]
    by_header: dict[tuple[str, ...], list[RemoteText]] = {}
    for text in texts:
        by_header.setdefault(text.facts.header, []).append(text)
    streams += [
        LineStream(lake.spark, kernels, group, config.ingest.split_bytes)
        for group in by_header.values()
    ]
    return streams


def _file_id(file: SourceFile, mapping: MappingFile) -> str:
    key = "\n".join((file.sha256, mapping.hash(), mapping.table))
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _is_new(mapping: MappingFile, in_ledger: set[str], file: SourceFile) -> bool:
    return _file_id(file, mapping) not in in_ledger


def _check_cleaning(lake: Lake, mapping: MappingFile) -> None:
    """Check that the lake was filled with the same cleaning: it keeps its events."""
    if mapping.cleaning != "strict" or (lake.native is not None and not lake.files(EVENTS)):
        return
    events = lake.read(EVENTS).where(F.col("source") == mapping.name)
    nothing = (F.col("quantity") == 0) | (F.col("unit_price") == 0)
    kind = F.col("event_type")
    if not events.where((kind == "return") | ((kind == "purchase") & nothing)).isEmpty():
        raise ConfigurationError(
            f'source {mapping.name}: cleaning = "strict", but {lake.name(EVENTS)} holds what'
            " that would refuse, from an ingest without it; give another --lake"
        )


def _check_not_all_skipped(batch: Batch, mapping: MappingFile, files: Sequence[SourceFile]) -> None:
    """Raise InputError if all files are skipped: then the path or the mapping is wrong."""
    skipped = {f.name: f.skipped_because for f in batch.skipped}
    if files and all(f.name in skipped for f in files):
        reasons = "".join(f"\n  {f.path}: {skipped[f.name]}" for f in files)
        raise InputError(f"source {mapping.name}: none of its files can be read{reasons}")


def _note_skipped(
    batch: Batch, in_ledger: set[str], mapping: MappingFile, file: SourceFile
) -> None:
    batch.skipped.append(file)
    reason = file.skipped_because or ""
    if ledger.skip_key(file.name, reason) not in in_ledger:
        batch.rows.append(LedgerRow("", mapping.name, file, skipped_because=reason))
