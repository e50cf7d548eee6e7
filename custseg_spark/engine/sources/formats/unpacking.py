"""Compressed files that Spark has no codec for, as text that it reads and can split."""

import lzma
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import limits
from custseg_spark.errors import InputError

_BLOCK_BYTES = 1 << 20
# The strongest preset takes 65 MB; more is somebody's own setting, or an attack.
_MOST_MEMORY = 1 << 28
# What may have been compressed that isn't text.
_OTHERS = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "a zip archive or workbook",
    b"PAR1": "Parquet",
    b"SQLite format 3\x00": "a SQLite database",
}


def unpacked(file: SourceFile, target: Path) -> SourceFile:
    """Return an xz file with its text in `target`; any other file as it is.

    Raises InputError for a file that is truncated, damaged, or followed by something else.
    """
    if file.kind != "xz":
        return file
    with target.open("wb") as text:
        for block in blocks(file):
            text.write(block)
    return replace(file, kind="text", unpacked=target)


def check_is_text(file: SourceFile, first: bytes) -> None:
    """Raise InputError where what was compressed isn't text, by its first bytes."""
    for magic, name in _OTHERS.items():
        if first.startswith(magic):
            raise InputError(
                f"{file.path}: {file.kind} of {name}, expected text: decompress it once, and give"
                " what comes of it"
            )


def blocks(file: SourceFile) -> Iterator[bytes]:
    """The text of an xz file. Raises InputError where it comes to something that isn't xz."""
    try:
        with file.data.open("rb") as source:
            whole = limits.limited(_decompressed(source), file.bytes, str(file.path))
            unpacked = filter(None, whole)
            first = next(unpacked, b"")
            check_is_text(file, first)
            yield first
            yield from unpacked
    except (EOFError, lzma.LZMAError) as error:
        raise InputError(f"{file.path}: broken xz file: {error}") from error


def _decompressed(source: BinaryIO) -> Iterator[bytes]:
    """The content of the xz streams of a file, in blocks of bounded size.

    Python's own lzma.open takes what follows the first stream for padding, whatever it is.
    """
    decoder: lzma.LZMADecompressor | None = None
    while block := source.read(_BLOCK_BYTES):
        while block:
            if decoder is None:
                # Between streams, and after the last, zeros are padding.
                block = block.lstrip(b"\x00")
                if not block:
                    break
                decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
            yield decoder.decompress(block, _BLOCK_BYTES)
            while not (decoder.needs_input or decoder.eof):
                yield decoder.decompress(b"", _BLOCK_BYTES)
            block = decoder.unused_data
            if decoder.eof:
                decoder = None
    if decoder is not None:
        raise EOFError("it ends before its end marker")
