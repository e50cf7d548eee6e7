"""Preview a file before it is read: its columns, a proposed mapping, the refused records."""

import os
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.core.mappings.shapes import Shape
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.heads import Head
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.python import frames
from custseg_spark.interfaces.python.configuring import AnyMapping, AnyPath, load_mapping
from custseg_spark.paths import is_remote
from custseg_spark.pipeline.preview import Preview as Checked
from custseg_spark.pipeline.preview import preview as checked_by

_EVENTS = 5


@dataclass(frozen=True)
class Preview:
    """The result of a mapping on the first records of a source (at most 10,000).

    `mapping` is the given or the proposed one, whose file is `text`. It is None if a needed column
    can't be guessed; then `problem` names it. `questions` are for a person to answer before the
    proposal is used. `columns` has a row per column of the source, with its values' shape and its
    role. `events` are the first events. `refused` has a row per reason, the most frequent first.
    """

    mapping: MappingFile | None
    text: str
    columns: pl.DataFrame
    events: pl.DataFrame
    refused: pl.DataFrame
    accepted: int
    rejected: int
    duplicates: int
    questions: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def rejected_share(self) -> float:
        """The share of rejected records among the first records."""
        read = self.accepted + self.rejected + self.duplicates
        return self.rejected / read if read else 0.0

    def save(self, path: AnyPath) -> None:
        """Write the proposed mapping to a file, for a person to check and correct."""
        if not self.text:
            raise ConfigurationError("the mapping was given: there is no proposal to save")
        Path(path).write_text(self.text, encoding="utf-8")

    def __repr__(self) -> str:
        counts = (
            f"{self.accepted:,} accepted, {self.rejected:,} rejected, {self.duplicates:,} twice"
        )
        return f"<Preview: {self.problem or counts}>"


def preview(
    source: "AnyPath | Any", mapping: AnyMapping | None = None, *, name: str = "proposed"
) -> Preview:
    """Preview the first records of a file, a folder's first file, or a frame; write nothing.

    Without a mapping one is proposed, called `name`, from the columns' names and values. No lake
    and no JVM are needed. Raises InputError for a source that can't be read or lacks a column of
    the mapping.

    >>> import custseg_spark as cs, polars as pl
    >>> log = pl.DataFrame({"when": ["2024-05-01 10:00:00"], "action": ["view"], "visitor": [7],
    ...                     "sku": ["x1"], "price": [9.5]})
    >>> look = cs.preview(log)
    >>> dict(look.mapping.columns)["customer_id"]
    'visitor'
    >>> look.accepted, look.rejected
    (1, 0)
    """
    with tempfile.TemporaryDirectory(prefix="custseg-preview-") as folder:
        staging = Path(folder)
        given = None if mapping is None else load_mapping(mapping)
        head = heads.head(_file(source, staging), given, staging)
        columns = shapes.shapes(head.columns, head.rows)
        if given is not None:
            check_columns(head.columns, given, f"{head.file.name}: the header")
            return _previewed(head, columns, given, "")
        guess = guessing.guess(columns)
        text = proposing.mapping_file(head, columns, guess)
        try:
            proposed = mapping_of(tomllib.loads(text), name)
        except ConfigurationError as error:
            return _incomplete(columns, text, guess.questions, str(error))
        return _previewed(head, columns, proposed, text, guess.questions)


def _file(source: Any, staging: Path) -> SourceFile:
    if frames.library(source) in ("pandas", "polars", "pyarrow"):
        path = staging / "frame.parquet"
        pq.write_table(frames.to_arrow(source).slice(0, heads.MOST_RECORDS + 1), path)
        return replace(next(iter(files.list_files(str(path), hashes=False))), called="the frame")
    if frames.library(source) == "pyspark":
        return _file(source.limit(heads.MOST_RECORDS + 1).toArrow(), staging)
    path = os.fspath(source)
    if is_remote(path):
        raise ConfigurationError(f"{path}: give preview a file of this machine, or a frame")
    return next(f for f in files.list_files(path, hashes=False) if f.skipped_because is None)


def _previewed(
    head: Head,
    columns: Sequence[Shape],
    mapping: MappingFile,
    text: str,
    questions: Sequence[str] = (),
) -> Preview:
    checked = checked_by(head, mapping, now=clock.now())
    return Preview(
        mapping,
        text,
        _columns(columns, {source: canonical for canonical, source in mapping.columns.items()}),
        pl.DataFrame(list(checked.first)),
        _reasons(checked),
        checked.accepted,
        checked.refused,
        checked.duplicates,
        tuple(questions),
    )


def _incomplete(
    shapes: Sequence[Shape], text: str, questions: Sequence[str], problem: str
) -> Preview:
    nothing, columns = pl.DataFrame(), _columns(shapes, {})
    return Preview(None, text, columns, nothing, nothing, 0, 0, 0, tuple(questions), problem)


def _columns(shapes: Sequence[Shape], becomes: Mapping[str, str]) -> pl.DataFrame:
    rows = [
        {
            "column": shape.name,
            "looks_like": ", ".join(shape.patterns) or shape.kind,
            "blank_share": shape.blank_share,
            "examples": [str(e) for e in shape.examples[:2]],
            "becomes": becomes.get(shape.name),
        }
        for shape in shapes
    ]
    schema: dict[str, Any] = {
        "column": pl.String,
        "looks_like": pl.String,
        "blank_share": pl.Float64,
        "examples": pl.List(pl.String),
        "becomes": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _reasons(checked: Checked) -> pl.DataFrame:
    rows = [(r.code, r.field, r.records, r.row, r.value, r.expected) for r in checked.reasons]
    schema: dict[str, Any] = {
        "code": pl.String,
        "field": pl.String,
        "records": pl.Int64,
        "first_row": pl.Int64,
        "value": pl.String,
        "expected": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
