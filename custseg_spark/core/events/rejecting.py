"""Turn refused records into rows of the table `rejected_events`."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from custseg_spark.core.events.records import Records
from custseg_spark.core.events.rules import Rule, defect_reasons, reasons
from custseg_spark.core.events.schema import REJECTED


@dataclass(frozen=True)
class Origin:
    """The origin of records: the mapping's name, the file's name in the ledger, its id."""

    source: str
    source_file: str
    file_id: str

    @property
    def columns(self) -> list[pl.Expr]:
        """Return the origin's columns, the same for each row."""
        names = ("source", "source_file", "file_id")
        return [pl.lit(getattr(self, name), pl.String).alias(name) for name in names]


def rejected_records(
    records: Records, typed: pl.DataFrame, is_valid: pl.Series, rules: list[Rule], origin: Origin
) -> pl.DataFrame:
    """Return one row per refused or malformed record, in row order, with the columns REJECTED."""
    width = len(records.values.columns)
    rejected = records.malformed.with_columns(reasons=defect_reasons(width)).drop("defect")
    if not is_valid.all():
        rejected = pl.concat([rejected, _refused(records, typed, is_valid, rules)])
    rows = rejected.with_columns(*origin.columns).select(REJECTED.names()).cast(REJECTED)
    return rows.sort("source_row", maintain_order=True)


def _refused(
    records: Records, typed: pl.DataFrame, is_valid: pl.Series, rules: list[Rule]
) -> pl.DataFrame:
    at, refused = np.flatnonzero(~is_valid.to_numpy()), typed.filter(~is_valid)
    return pl.DataFrame(
        {
            "source_row": pl.Series(records.rows[at], dtype=pl.Int64),
            "raw_record": pl.Series(records.raw_text(at), dtype=pl.String),
            "reasons": reasons(refused, rules),
        }
    )
