"""Records of a source as text, before validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
RawText = Callable[[Ints], list[str]]
# Row, raw record and defect of a record that can't be split into values.
Malformed = tuple[int, str, str]

MALFORMED = pl.Schema({"source_row": pl.Int64(), "raw_record": pl.String(), "defect": pl.String()})

NONE_MALFORMED = pl.DataFrame(schema=MALFORMED)


@dataclass(frozen=True)
class Records:
    """A stretch of a source, split into values, in row order.

    `values`: one String column per source column, with the source's names, null or empty for a
    missing value. `rows`: the source row of each. `malformed`: source_row, raw_record and defect of
    records that can't be split. `raw_text` returns the text of the records at these positions of
    `values`. `header`, `blank`: the number of physical records that are header or blank, so that
    values + malformed + header + blank are the stretch's physical records. `extras`: the joined
    texts of unmapped columns, if `values` doesn't hold them.
    """

    values: pl.DataFrame
    rows: Ints
    malformed: pl.DataFrame
    raw_text: RawText
    header: int = 0
    blank: int = 0
    extras: pl.Series | None = None

    @property
    def physical(self) -> int:
        """The number of physical records of the stretch."""
        return len(self.rows) + len(self.malformed) + self.header + self.blank


def malformed_frame(records: Sequence[Malformed]) -> pl.DataFrame:
    """Return the malformed records as a frame, in row order."""
    return pl.DataFrame(sorted(records), schema=MALFORMED, orient="row")


def text_values(columns: Sequence[str], fields: Sequence[Sequence[str | None]]) -> pl.DataFrame:
    """Return one String column per source column, from records given field by field."""
    by_column = zip(*fields, strict=True) if fields else ([] for _ in columns)
    return pl.DataFrame(
        [pl.Series(c, v, pl.String) for c, v in zip(columns, by_column, strict=True)]
    )
