"""Text files as bytes: how many lines and records there are, the header, where to cut.

Everything here is counted without a parser, so that the ledger's left side is independent of the
side that the kernels parse. No Spark in this module.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from custseg_spark.core.events.spaced_text import Layout
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import limits, unpacking
from custseg_spark.engine.sources.formats.text_headers import LONGEST_HEADER, named_columns
from custseg_spark.errors import InputError

BLOCK_BYTES = 1 << 22
LONGEST_RECORD = 1 << 28


@dataclass(frozen=True)
class Cut:
    """A stretch of a file's bytes that begins and ends between records; its first row's number."""

    start: int
    end: int
    first_row: int


@dataclass(frozen=True)
class TextFacts:
    """What the bytes of a CSV file say: records, blank ones, the header, and where to cut.

    Rows are physical lines; of a multiline file they are records. `header_problem` says why the
    header can't be used. There is no cut of a compressed file: it is read in one go. Of a file that
    Spark reads, `rows_before[i]` is the number of lines that begin before its i-th split.
    `header_lines`: how many rows are the header and titles above it.
    """

    header: tuple[str, ...]
    header_problem: str | None
    header_row: int
    physical_records: int
    blank: int
    cuts: tuple[Cut, ...] = ()
    rows_before: tuple[int, ...] = ()
    header_lines: int = 1


def blocks(file: SourceFile, longest: int | None = None) -> Iterator[bytes]:
    """The file's text in blocks, decompressed. Raises InputError for a broken gzip or xz file.

    `longest`: a shorter block than usual, for a file that is to be cut into short pieces.
    """
    size = min(BLOCK_BYTES, longest or BLOCK_BYTES)
    if file.kind == "xz":
        yield from unpacking.blocks(file)
        return
    if file.kind == "gzip":
        yield from limits.limited(_unzipped(file, size), file.bytes, str(file.path))
        return
    with file.data.open("rb") as stream:
        while block := stream.read(size):
            yield block


def _unzipped(file: SourceFile, size: int) -> Iterator[bytes]:
    try:
        with gzip.open(file.data, "rb") as stream:
            block = stream.read(size)
            unpacking.check_is_text(file, block)
            while block:
                yield block
                block = stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{file.path}: broken gzip file: {error}") from error


def inspect_text(
    file: SourceFile, layout: Layout, piece_bytes: int, header_row: int = 0
) -> TextFacts:
    """Return one pass over a text file's bytes. Raises InputError for a truncated gzip.

    The header is the row `header_row`, 0 for the first that isn't blank.
    """
    lines = _Lines(header_row)
    cuts = _Cuts(piece_bytes)
    for block in blocks(file, piece_bytes):
        cuts.see(block, block.rfind(b"\n") + 1, lines.newlines + block.count(b"\n"))
        lines.see(block)
    header, header_row = lines.finish()
    return TextFacts(
        *named_columns(header, layout),
        header_row=header_row,
        physical_records=lines.newlines + lines.is_unfinished,
        blank=lines.blank,
        cuts=cuts.finish() if file.kind == "text" else (),
        header_lines=lines.header_lines,
    )


def inspect_multiline(
    file: SourceFile, layout: Layout, piece_bytes: int, header_row: int = 0
) -> TextFacts:
    """As `inspect_text` for a file whose quoted values may hold line breaks.

    A record ends at a line feed outside quotes; a doubled quote keeps the parity. Raises
    InputError for a quote that is never closed: every record after it would be swallowed.
    """
    lines, records = _Lines(header_row), _Records(str(file.path))
    cuts = _Cuts(piece_bytes)
    for block in blocks(file, piece_bytes):
        end = records.see(block)
        cuts.see(block, end, records.records)
        lines.see(block)
    records.finish()
    header, header_row = lines.finish()
    return TextFacts(
        *named_columns(header, layout),
        # A blank record before it is a line of its own.
        header_row=header_row,
        header_lines=lines.header_lines,
        physical_records=records.records,
        blank=records.blank,
        cuts=cuts.finish() if file.kind == "text" else (),
    )


class _Cuts:
    """Cuts a file behind the last record of a block, as soon as the piece is long enough."""

    def __init__(self, piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self._position = self._start = 0
        self._first_row = 1
        self._cuts: list[Cut] = []

    def see(self, block: bytes, end: int, rows: int) -> None:
        """`end`: where in the block the last record ends, 0 for none; `rows` end up to there."""
        cut = self._position + end
        self._position += len(block)
        if end and cut - self._start >= self._piece_bytes:
            self._cuts.append(Cut(self._start, cut, self._first_row))
            self._start, self._first_row = cut, rows + 1

    def finish(self) -> tuple[Cut, ...]:
        if self._position > self._start:
            self._cuts.append(Cut(self._start, self._position, self._first_row))
        return tuple(self._cuts)


class _Lines:
    """Physical lines: how many, how many of them blank, and the header: the line of that number,
    or the first that isn't blank. `header_lines` are the header and the titles above it."""

    def __init__(self, header_row: int = 0) -> None:
        self.newlines = self.blank = self._header_row = self.header_lines = 0
        self._wanted = header_row
        self._header: bytes | None = None
        self._carry = b""  # the unfinished last line of the block before
        self._last_byte = b"\n"

    @property
    def is_unfinished(self) -> bool:
        """Whether the last line has no end."""
        return self._last_byte != b"\n"

    def see(self, block: bytes) -> None:
        self._last_byte = block[-1:]
        text = self._carry + block
        if self._header is None:
            self._look_for_header(text)
        lines = block.count(b"\n")
        self.blank += _blank_lines(text)
        self.newlines += lines
        self._carry = text[text.rfind(b"\n") + 1 :] if lines else text
        if self._header is None and len(self._carry) > LONGEST_HEADER:
            self._header, self._header_row = self._carry, self.newlines + 1
        if self._header is not None and self._carry.strip(b"\r"):
            self._carry = b"x"  # that it isn't blank is all that matters of it

    def finish(self) -> tuple[bytes, int]:
        """Return the header's line and its number; an empty line where there is none."""
        if self._carry:
            if self._header is None and self._wanted in (0, self.newlines + 1):
                self._header, self._header_row = self._carry, self.newlines + 1
                self.header_lines += bool(self._carry.strip(b"\r"))
            self.blank += not self._carry.strip(b"\r")
        return self._header or b"", self._header_row

    def _look_for_header(self, text: bytes) -> None:
        """`text` begins with the first line that hasn't been seen whole."""
        number, start = self.newlines, 0
        while self._header is None and (end := text.find(b"\n", start)) >= 0:
            number += 1
            line = text[start:end]
            is_filled = bool(line.strip(b"\r"))
            self.header_lines += is_filled
            if number == self._wanted or (is_filled and not self._wanted):
                self._header, self._header_row = line, number
            start = end + 1


class _Records:
    """Records that end at line feeds outside quotes."""

    def __init__(self, name: str) -> None:
        self.records = self.blank = 0
        self._name = name
        self._quotes = self._lines = self._position = self._before_last = 0
        self._last_end = -1
        self._opened_at_line = 1

    def see(self, block: bytes) -> int:
        """Where in the block its last record ends; 0 where none does."""
        codes = np.frombuffer(block, dtype=np.uint8)
        ends, opening = record_ends(codes, self._quotes % 2)
        feeds = np.flatnonzero(codes == ord("\n"))
        if opening.size:
            before = int(np.searchsorted(feeds, opening[-1]))
            self._opened_at_line = self._lines + 1 + before
        self._count_blank(codes, ends)
        self.records += ends.size
        self._lines += feeds.size
        self._quotes += int(np.count_nonzero(codes == ord('"')))
        self._position += len(block)
        self._before_last = int(codes[-1])
        return int(ends[-1]) + 1 if ends.size else 0

    def _count_blank(self, codes: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> None:
        lengths = np.diff(ends + self._position, prepend=self._last_end)
        if ends.size:
            before = np.where(ends > 0, codes[ends - 1], self._before_last)
            is_return = (lengths == 2) & (before == ord("\r"))
            self.blank += int(((lengths == 1) | is_return).sum())
            self._last_end = int(ends[-1]) + self._position

    def finish(self) -> None:
        if self._quotes % 2:
            raise InputError(
                f"{self._name}, line {self._opened_at_line}: a quote is opened and never closed"
            )
        self.records += self._last_end != self._position - 1


def record_ends(
    codes: npt.NDArray[np.uint8], is_quoted: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where records end, and where quotes open; `is_quoted`: a quote is open before the bytes."""
    feeds = np.flatnonzero(codes == ord("\n"))
    parity = (is_quoted + np.cumsum(codes == ord('"'))) % 2
    opening = np.flatnonzero((codes == ord('"')) & (parity == 1))
    return feeds[parity[feeds] == 0], opening


def chunks(file: SourceFile, chunk_bytes: int, *, multiline: bool) -> Iterator[tuple[bytes, int]]:
    """A compressed file's text in chunks of whole records, each with its first row's number.

    Raises InputError for a record that would fill the memory.
    """
    pending, first_row, enough = bytearray(), 1, chunk_bytes
    for block in blocks(file):
        pending += block
        if len(pending) >= enough:
            end, rows = _whole_records(bytes(pending), multiline=multiline)
            if end:
                yield bytes(pending[:end]), first_row
                del pending[:end]
                first_row += rows
            if len(pending) > LONGEST_RECORD:
                raise InputError(f"{file.path}: a record of more than {LONGEST_RECORD:,} bytes")
            # Not looked at anew with each block of a long record.
            enough = chunk_bytes if end else 2 * len(pending)
    if pending:
        yield bytes(pending), first_row


def _whole_records(text: bytes, *, multiline: bool) -> tuple[int, int]:
    """Where the last record ends, and how many end up to there."""
    if not multiline:
        return text.rfind(b"\n") + 1, text.count(b"\n")
    ends, _ = record_ends(np.frombuffer(text, dtype=np.uint8), 0)
    return (int(ends[-1]) + 1 if ends.size else 0), int(ends.size)


def _blank_lines(text: bytes) -> int:
    """Complete lines of nothing (but a carriage return); `text` begins at a line's start."""
    # Almost no block has one, and two searches tell so at memory speed.
    if not text.startswith((b"\n", b"\r")) and b"\n\n" not in text and b"\n\r" not in text:
        return 0
    return sum(1 for line in text.split(b"\n")[:-1] if not line.strip(b"\r"))
