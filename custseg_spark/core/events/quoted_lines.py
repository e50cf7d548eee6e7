"""Records of a writer that puts every text in quotes.

Such logs are common. Reading their records one by one takes twenty times as long.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from custseg_spark.core.events.lines import LINE_FEED, QUOTE, Lines
from custseg_spark.core.events.records import Flags, Ints


def is_simply_quoted(lines: Lines, width: int, delimiter: str) -> Flags:
    """Mark records with `width` values, some in quotes, and nothing strange.

    Each quote is between a value and a delimiter or an end of the record; none is doubled.
    """
    if b'"' not in lines.content or len(delimiter.encode()) > 1:
        return np.zeros(len(lines.rows), np.bool_)
    pieces = [_of_piece(lines, piece, width, ord(delimiter)) for piece in lines.pieces()]
    is_quoted: Flags = np.concatenate(pieces) & ~lines.is_strange
    return is_quoted


def _of_piece(lines: Lines, records: range, width: int, delimiter: int) -> Flags:
    begin, end = int(lines.starts[records[0]]), int(lines.ends[records[-1]])
    if lines.content.find(QUOTE, begin, end) < 0:
        return np.zeros(len(records), np.bool_)
    ends = lines.ends[records.start : records.stop] - begin
    piece = _Piece(lines.codes[begin:end], ends, delimiter)
    is_quoted = piece.has_quotes_at_borders()
    is_quoted &= piece.delimiters_outside_quotes() == width - 1
    return is_quoted


@dataclass(frozen=True)
class _Piece:
    """Some records: their bytes, and the end of each."""

    codes: npt.NDArray[np.uint8]
    ends: Ints
    delimiter: int

    def has_quotes_at_borders(self) -> Flags:
        """Mark records with quotes that each open or close a whole value."""
        quotes, record = self._quotes()
        first = self._first_quotes(quotes)
        is_opening = (np.arange(len(quotes)) - first[record]) % 2 == 0
        # Add a line feed before the first byte and after the last.
        framed = np.concatenate([[LINE_FEED], self.codes, [LINE_FEED]])
        beside = np.where(is_opening, framed[quotes], framed[quotes + 2])
        counts = np.diff(first, append=len(quotes))
        has: Flags = (counts > 0) & (counts % 2 == 0)
        has[record[(beside != self.delimiter) & (beside != LINE_FEED)]] = False
        return has

    def delimiters_outside_quotes(self) -> Ints:
        """Count the delimiters of each record outside quotes."""
        quotes, _ = self._quotes()
        delimiters = np.flatnonzero(self.codes == self.delimiter)
        record = np.searchsorted(self.ends, delimiters)
        before = np.searchsorted(quotes, delimiters) - self._first_quotes(quotes)[record]
        return np.bincount(record[before % 2 == 0], minlength=len(self.ends))

    def _quotes(self) -> tuple[Ints, Ints]:
        """Return the positions of the quotes, and their records."""
        quotes = np.flatnonzero(self.codes == QUOTE)
        return quotes, np.searchsorted(self.ends, quotes)

    def _first_quotes(self, quotes: Ints) -> Ints:
        """Count the quotes before each record."""
        starts = np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])
        return np.searchsorted(quotes, starts)
