"""Text files as bytes: how many lines and records there are, the header, where splits begin.

Everything here is counted without a parser, so that the ledger's left side is independent
of the side that Spark parses. No Spark in this module.
"""

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import InputError

_BLOCK_BYTES = 1 << 20
_UTF8_BOM = b"\xef\xbb\xbf"
# Beyond any header: a file of one endless line is something else, and must not fill the memory.
LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class TextFacts:
    """What the bytes of a CSV file say: lines, blank lines, the header, and split offsets.

    `rows_before[i]` is the number of physical lines that begin before or at byte
    `i * split_bytes`, those that earlier splits of Spark's text reader hold. `header_problem` says
    why the header can't be used. `is_utf8` is told of a multiline file only, whose parser would
    hide what is not.
    """

    header: tuple[str, ...]
    header_problem: str | None
    header_row: int
    physical_records: int
    blank: int
    rows_before: tuple[int, ...]
    has_nul: bool = False
    is_utf8: bool = True


def inspect_text(file: SourceFile, delimiter: str, split_bytes: int) -> TextFacts:
    """One pass over a text file's bytes, decompressed where it is gzip.

    Raises InputError for a truncated gzip.
    """
    newlines = blank = position = 0
    rows_before = [0]
    header: bytes | None = None
    header_row = 0
    has_nul = False
    carry = b""  # the unfinished last line of the block before
    last_byte = b"\n"
    for block in blocks(file, split_bytes):
        if position and position % split_bytes == 0 and file.kind == "text":
            rows_before.append(newlines + 1)
        position += len(block)
        last_byte = block[-1:]
        has_nul = has_nul or b"\x00" in block
        text = carry + block
        if header is None:
            header, header_row = _first_line(text, newlines)
        lines = text.count(b"\n")
        blank += _blank_lines(text)
        newlines += lines
        carry = text[text.rfind(b"\n") + 1 :] if lines else text
        if header is None and len(carry) > LONGEST_HEADER:
            header, header_row = carry, newlines + 1
        if header is not None and carry.strip(b"\r"):
            carry = b"x"  # that it isn't blank is all that matters of it
    if carry:
        if header is None:
            header, header_row = carry, newlines + 1
        blank += not carry.strip(b"\r")
    unfinished = last_byte != b"\n"
    return TextFacts(
        *named_columns(header or b"", delimiter),
        header_row=header_row,
        physical_records=newlines + unfinished,
        blank=blank,
        rows_before=tuple(rows_before),
        has_nul=has_nul,
    )


def blocks(file: SourceFile, split_bytes: int = _BLOCK_BYTES) -> Iterator[bytes]:
    """The file's bytes in blocks, one of which ends wherever a split does."""
    position = 0
    opener = gzip.open if file.kind == "gzip" else open
    try:
        with opener(file.data, "rb") as stream:
            while block := stream.read(min(_BLOCK_BYTES, split_bytes - position % split_bytes)):
                yield block
                position += len(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{file.path}: broken gzip file: {error}") from error


def _first_line(text: bytes, lines_before: int) -> tuple[bytes | None, int]:
    """The first line that isn't blank and is complete in `text`, and its number from 1."""
    for number, line in enumerate(text.split(b"\n")[:-1], start=lines_before + 1):
        if line.strip(b"\r"):
            return line, number
    return None, 0


def _blank_lines(text: bytes) -> int:
    """Complete lines of nothing (but a carriage return); `text` begins at a line's start."""
    # Almost no block has one, and two searches tell so at memory speed.
    if not text.startswith((b"\n", b"\r")) and b"\n\n" not in text and b"\n\r" not in text:
        return 0
    return sum(1 for line in text.split(b"\n")[:-1] if not line.strip(b"\r"))


def named_columns(line: bytes, delimiter: str) -> tuple[tuple[str, ...], str | None]:
    """The columns that the header names, and why it can't be used, if so.

    Named as far as they can be read even then: it takes the names to tell a log with a broken
    header from a file that is something else.
    """
    text = line.removeprefix(_UTF8_BOM).decode("utf-8", errors="replace")
    records = csv.reader(text.replace("\r", "\n").split("\n"), delimiter=delimiter)
    try:
        names = tuple(name.strip() for name in next(records, []))
    except csv.Error as error:
        return (), f"the header can't be read: {error}"
    if b"\r" in line.rstrip(b"\r"):
        return names, "lines end in carriage returns only; convert them to line feeds"
    if "\ufffd" in text:
        return names, "the header is not UTF-8"
    return names, named_twice(names)


def named_twice(names: Sequence[str]) -> str | None:
    """Why a header with these names can't be used, if one is there twice."""
    twice = sorted({n for n in names if names.count(n) > 1})
    return f"the header names column '{twice[0]}' twice" if twice else None


def inspect_multiline(file: SourceFile, delimiter: str) -> TextFacts:
    """As `inspect_text` for a file whose quoted values may hold line breaks.

    A record ends at a line feed outside quotes; a doubled quote keeps the parity. Raises
    InputError for a quote that is never closed: every record after it would be swallowed.
    """
    facts = inspect_text(file, delimiter, _BLOCK_BYTES)
    quotes = lines = records = blank = 0
    opened_at_line = 1
    last_end, position, before_last = -1, 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    for block in blocks(file):
        is_utf8 = is_utf8 and _decodes(decoder, block)
        codes = np.frombuffer(block, dtype=np.uint8)
        feeds = np.flatnonzero(codes == ord("\n"))
        parity = (quotes + np.cumsum(codes == ord('"'))) % 2
        opening = np.flatnonzero((codes == ord('"')) & (parity == 1))
        if opening.size:
            opened_at_line = lines + 1 + int(np.searchsorted(feeds, opening[-1]))
        ends = feeds[parity[feeds] == 0]
        for length, end in zip(np.diff(ends + position, prepend=last_end), ends, strict=True):
            before = codes[end - 1] if end else before_last
            blank += int(length == 1 or (length == 2 and before == ord("\r")))
        if ends.size:
            last_end = int(ends[-1]) + position
        records += ends.size
        lines += feeds.size
        quotes += int(np.count_nonzero(codes == ord('"')))
        position += len(block)
        before_last = int(codes[-1])
    if quotes % 2:
        raise InputError(f"{file.path}, line {opened_at_line}: a quote is opened and never closed")
    records += last_end != position - 1
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return replace(facts, physical_records=records, blank=blank, rows_before=(0,), is_utf8=is_utf8)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True
