"""Bytes of text as records: their positions, and which of them are plain.

A record is a line or, if quoted values may hold line breaks, the text between two line feeds
outside quotes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from custseg_spark.core.events.records import Flags, Ints

LINE_FEED, CARRIAGE_RETURN, QUOTE = ord("\n"), ord("\r"), ord('"')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Text is decoded in pieces, to find bad UTF-8 without a second copy of the stretch.
_RECORDS_A_PIECE = 10_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Lines:
    """The records of a stretch of text with line feeds as line ends.

    `content` has whole records; the last may lack its line end. `rows` has the source row of each.
    """

    content: bytes
    rows: Ints
    multiline: bool = False

    @cached_property
    def codes(self) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self.content, np.uint8)

    @cached_property
    def ends(self) -> Ints:
        """The end of each record, without its line feed."""
        return record_ends(self.content, multiline=self.multiline)

    @cached_property
    def starts(self) -> Ints:
        """The start of each record."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])

    def line(self, index: int) -> bytes:
        """Return a record without its line end."""
        return self.content[self.starts[index] : self.ends[index]].rstrip(b"\r")

    def text(self, index: int) -> str:
        """Return a record as text; bytes that are no UTF-8 become U+FFFD."""
        return self.line(index).decode(errors="replace")

    def texts_of_rows(self, rows: Ints) -> list[str]:
        """Return the texts of the records of these source rows."""
        at = np.searchsorted(self.rows, rows)
        bounds = zip(self.starts[at].tolist(), self.ends[at].tolist(), strict=True)
        lines = (self.content[start:end].rstrip(b"\r") for start, end in bounds)
        return [line.decode(errors="replace") for line in lines]

    def is_plain(self, width: int, delimiter: str) -> Flags:
        """Mark records with `width` values, without quotes or strange bytes."""
        if len(delimiter.encode()) > 1:
            return np.zeros(len(self.rows), np.bool_)
        is_plain: Flags = self._delimiters(ord(delimiter)) == width - 1
        is_plain &= ~self.is_strange
        is_plain[self.records_with(QUOTE)] = False
        return is_plain

    @cached_property
    def is_strange(self) -> Flags:
        """Mark records that are blank or have a carriage return, a NUL, bad UTF-8 or a byte order
        mark.

        Records of several lines are marked, too.
        """
        is_strange: Flags = self.ends == self.starts
        for code in (CARRIAGE_RETURN, 0):
            is_strange[self.records_with(code)] = True
        if not self.content.isascii():
            is_strange[self._not_utf8()] = True
            is_strange |= self._begins_with_mark()
        if self.multiline:
            feeds = positions(self.content, LINE_FEED)
            inner = feeds[~np.isin(feeds, self.ends, assume_unique=True)]
            is_strange[np.searchsorted(self.ends, inner)] = True
        return is_strange

    def records_with(self, code: int) -> Ints:
        """Return the records in which a byte occurs, once for each occurrence."""
        if self.content.find(code) < 0:
            return np.zeros(0, np.int64)
        return np.searchsorted(self.ends, positions(self.content, code))

    def only(self, kept: Flags) -> bytes:
        """Return the kept records, each with its line end."""
        changes = np.diff(kept.astype(np.int8), prepend=0, append=0)
        begins = self.starts[np.flatnonzero(changes == 1)].tolist()
        stops = (self.ends[np.flatnonzero(changes == -1) - 1] + 1).tolist()
        return b"".join([self.content[a:b] for a, b in zip(begins, stops, strict=True)])

    def _delimiters(self, delimiter: int) -> Ints:
        # In pieces, because a mask of the whole stretch costs more to allocate than to fill.
        counts = [self._delimiters_of(piece, delimiter) for piece in self.pieces()]
        return np.concatenate(counts)

    def _delimiters_of(self, piece: range, delimiter: int) -> Ints:
        begin, end = self.starts[piece[0]], self.ends[piece[-1]]
        is_delimiter = (self.codes[begin : end + 1] == delimiter).view(np.uint8)
        # An empty last record would begin beyond the bytes.
        starts = np.minimum(self.starts[piece.start : piece.stop] - begin, len(is_delimiter) - 1)
        return np.add.reduceat(is_delimiter, starts, dtype=np.int64)

    def _begins_with_mark(self) -> Flags:
        first = self.codes[np.minimum(self.starts, len(self.content) - 1)]
        begins = np.zeros(len(self.rows), np.bool_)
        for index in np.flatnonzero(first == _BYTE_ORDER_MARK[0]).tolist():
            begins[index] = self.line(index).startswith(_BYTE_ORDER_MARK)
        return begins

    def _not_utf8(self) -> list[int]:
        return [i for piece in self.pieces() for i in self._not_utf8_of(piece)]

    def pieces(self) -> Iterator[range]:
        """Yield the records' positions, some thousand at a time."""
        for first in range(0, len(self.rows), _RECORDS_A_PIECE):
            yield range(first, min(first + _RECORDS_A_PIECE, len(self.rows)))

    def _not_utf8_of(self, piece: Sequence[int]) -> list[int]:
        if is_utf8(self.content[self.starts[piece[0]] : self.ends[piece[-1]]]):
            return []
        return [i for i in piece if not is_utf8(self.line(i))]


def record_ends(content: bytes, *, multiline: bool) -> Ints:
    """Return the end of each record of the content, without its line feed."""
    ends = positions(content, LINE_FEED)
    if multiline and content.find(QUOTE) >= 0:
        # A doubled quote keeps the parity.
        quotes_before = np.searchsorted(positions(content, QUOTE), ends)
        ends = ends[quotes_before % 2 == 0]
    has_end = not content or (len(ends) > 0 and ends[-1] == len(content) - 1)
    return ends if has_end else np.append(ends, len(content))


def positions(content: bytes, code: int) -> Ints:
    """Return the positions of a byte in the content."""
    codes = np.frombuffer(content, np.uint8)
    blocks = range(0, len(content), _BLOCK_BYTES)
    of_blocks = [np.flatnonzero(codes[b : b + _BLOCK_BYTES] == code) + b for b in blocks]
    return np.concatenate(of_blocks) if of_blocks else np.zeros(0, np.int64)


def is_utf8(text: bytes) -> bool:
    """Whether bytes are UTF-8 text."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
