"""XLSX workbooks as records: every cell as text, one row a row of the sheet.

Calamine reads a whole sheet, some hundred bytes a cell. Its rows go to Parquet in batches, and from
there on like any other source's. A sheet has a million rows at most.
"""

import datetime as dt
import hashlib
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.float_texts import float_text
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.tables import table_records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources import headers
from custseg_spark.engine.sources.columns import NOT_ITS_COLUMNS, check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats.sheet_headers import Header, Row, header_of, lacking
from custseg_spark.engine.sources.formats.sheet_rewriting import rewritten
from custseg_spark.engine.sources.formats.sheet_survey import MOST_CELLS, survey
from custseg_spark.engine.sources.formats.text_headers import unusable
from custseg_spark.engine.sources.formats.workbook import Workbook
from custseg_spark.errors import ConfigurationError, InputError, nearest

ROWS_PER_FILE = 100_000
# NotImplementedError: an unknown compression; RuntimeError: a password.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    struct.error,
    UnicodeError,
)
ALL = ("all",)


@dataclass(frozen=True)
class Sheet:
    """A sheet: the numbers of its rows that hold a value, and these rows' cells as text."""

    name: str
    filled: Sequence[int]
    rows: Iterator[tuple[int, Row]]


@dataclass(frozen=True)
class XlsxFile:
    """A sheet's rows as Parquet in `folder`, with its columns in order; of one that is passed over
    only the file, with the reason. `header`: how many rows are the header and titles above it."""

    file: SourceFile
    file_id: str
    folder: Path
    sheet: str
    columns: tuple[str, ...]
    physical_records: int
    blank: int
    header: int


def is_readable() -> bool:
    """Whether the library is there."""
    try:
        import python_calamine  # noqa: F401
    except ImportError:
        return False
    return True


def open_sheet(file: SourceFile, name: str, most: int | None = None) -> Sheet:
    """Return the sheet of that name, or the first one; of its filled rows at most so many.

    Raises InputError for a damaged workbook or an absent sheet, ConfigurationError where the
    library is missing.
    """
    _require_library(file)
    with _explained(file), zipfile.ZipFile(file.data) as archive:
        name, filled, rows = _rows(file, Workbook(archive, str(file.path)), name)
    numbers = set(filled[:most])
    texts = ((n, [text(c) for c in row]) for n, row in rows if n in numbers)
    return Sheet(name, filled[:most], texts)


def _rows(
    file: SourceFile, book: Workbook, name: str
) -> tuple[str, list[int], Iterator[tuple[int, list[Any]]]]:
    """The sheet's name, the numbers of its rows that hold a value, and all its rows, numbered."""
    names = book.sheet_names()
    name = name or next(iter(names), "")
    if name not in names:
        raise InputError(f"{file.path}: there is no sheet '{name}'{nearest(name, names)}")
    part = book.part_of(name)
    book.check(part)
    surveyed = survey(book, part)
    if surveyed.is_plain and surveyed.is_dense and surveyed.rectangle <= MOST_CELLS:
        return name, surveyed.filled, zip(count(1), _cells(file.data, name), strict=False)
    with tempfile.TemporaryDirectory(prefix="custseg-sheet-") as folder:
        copy = Path(folder) / "sheet.xlsx"
        filled = rewritten(book, part, copy)
        return name, filled, zip(filled, _cells(copy, name), strict=False)


def _cells(path: Path, sheet: str) -> Iterator[list[Any]]:
    """Return the cells of all rows from the first one on, as the library reads them."""
    import python_calamine as calamine

    return calamine.load_workbook(str(path)).get_sheet_by_name(sheet).iter_rows()


def sheet_names(file: SourceFile) -> list[str]:
    """Return the sheets of a workbook. Raises as `open_sheet` does."""
    _require_library(file)
    with _explained(file), zipfile.ZipFile(file.data) as archive:
        return Workbook(archive, str(file.path)).sheet_names()


def _require_library(file: SourceFile) -> None:
    if not is_readable():
        raise ConfigurationError(
            f"{file.path}: XLSX needs python-calamine; install it by"
            " pip install 'custseg-spark[xlsx]'"
        )


@contextmanager
def _explained(file: SourceFile) -> Iterator[None]:
    """What is wrong with a workbook as InputError."""
    try:
        yield
    except _DAMAGES as error:
        raise InputError(f"{file.path}: the workbook is damaged: {error}") from error
    except Exception as error:
        # Calamine's own error, which there is none of without the library.
        if type(error).__module__.partition(".")[0] != "python_calamine":
            raise
        raise InputError(f"{file.path}: the workbook can't be read: {error}") from error


def inspect(
    file: SourceFile, file_id: str, mapping: MappingFile, staging: Path
) -> list[XlsxFile] | str:
    """Return the sheets that `sheets` or `table` names, otherwise all that fit, with staged rows.

    With `sheets = "all"`, a sheet that doesn't fit comes with the reason. For a file that wasn't
    named outright, returns why it is passed over. Raises as `open_sheet` does, and InputError for a
    missing column or a header that names a column twice.
    """
    if not file.named_outright and not is_readable():
        return "XLSX needs python-calamine, which isn't there"
    names = sheet_names(file)
    named = mapping.sheets if mapping.sheets != ALL else ()
    if not mapping.sheets and mapping.table:
        named = (mapping.table,)
    opened = [(name, open_sheet(file, name)) for name in named or names]
    headed = [(sheet, header_of(sheet.rows, mapping)) for _, sheet in opened]
    fits = [bool(named) or not lacking(header, mapping) for _, header in headed]
    if not any(fits):
        # The error names the flaw of the first sheet.
        headed, fits = headed[:1], [True]
    if not file.named_outright and not any(
        set(header.columns) & set(mapping.columns.values()) for _, header in headed
    ):
        return NOT_ITS_COLUMNS
    several = sum(fits) > 1
    sheets: list[XlsxFile] = []
    for (sheet, header), is_fit in zip(headed, fits, strict=True):
        if not is_fit:
            part = replace(file, sheet=sheet.name, skipped_because=lacking(header, mapping))
            sheets.append(XlsxFile(part, "", staging, sheet.name, (), 0, 0, 0))
            continue
        is_first = all(one.file.skipped_because for one in sheets)
        part = replace(file, sheet=sheet.name if several else "")
        part_id = file_id if is_first else _id_of(file_id, sheet.name)
        sheets.append(_staged(part, part_id, sheet, header, mapping, staging))
    return sheets


def _id_of(file_id: str, sheet: str) -> str:
    """Return the id of a further sheet of a workbook."""
    return hashlib.sha256(f"{file_id}\n{sheet}".encode()).hexdigest()[:32]


def _staged(
    file: SourceFile,
    file_id: str,
    sheet: Sheet,
    header: Header,
    mapping: MappingFile,
    staging: Path,
) -> XlsxFile:
    where = f"{file.path}, sheet '{sheet.name}', row {header.row}"
    problem = None
    if not mapping.columns_without_header:
        problem = headers.is_record(header.columns, mapping) or unusable(header.columns)
    if problem:
        raise InputError(f"{where}: {problem}")
    check_columns(header.columns, mapping, f"{where}: the header")
    folder = staging / file_id
    _write(folder, len(header.columns), header.rows)
    last = max(sheet.filled, default=0)
    blank = last - len(sheet.filled)
    return XlsxFile(file, file_id, folder, sheet.name, header.columns, last, blank, header.lines)


def _write(folder: Path, width: int, rows: Iterator[tuple[int, Row]]) -> None:
    """The rows in files of bounded size, each for one task."""
    names = ["source_row", *(f"c{i}" for i in range(width)), "overflows"]
    types = [pa.int64(), *[pa.string()] * width, pa.bool_()]
    schema = pa.schema(list(zip(names, types, strict=True)))
    folder.mkdir(parents=True)
    # One file at least, so that there is a schema to read.
    batch, part = list(islice(rows, ROWS_PER_FILE)), 0
    while batch or not part:
        table = [[n, *row[:width], any(v is not None for v in row[width:])] for n, row in batch]
        columns = list(zip(*table, strict=True)) or [()] * len(names)
        arrays = [pa.array(c, type=t) for c, t in zip(columns, types, strict=True)]
        pq.write_table(pa.table(arrays, schema=schema), folder / f"{part:04}.parquet")
        batch, part = list(islice(rows, ROWS_PER_FILE)), part + 1


def text(cell: Any) -> str | None:
    """A cell as a person would type it; a date as `yyyy-MM-dd HH:mm:ss`, an empty cell is null."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return float_text(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ", "milliseconds" if cell.microsecond else "seconds")
    if isinstance(cell, dt.date):
        # At midnight a time is a whole number, too.
        return f"{cell.isoformat()} 00:00:00"
    return str(cell).strip() or None


@dataclass(frozen=True)
class SheetPiece:
    """Some rows of a sheet, staged as Parquet; `source_row` is the sheet's row."""

    file_id: str
    source_file: str
    path: Path
    columns: tuple[str, ...]
    size: int

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        table = pq.read_table(self.path, use_threads=False)
        rows = table["source_row"].to_numpy()
        overflows = table["overflows"].to_numpy(zero_copy_only=False)
        cells = table.drop_columns(["source_row", "overflows"]).rename_columns(list(self.columns))
        yield table_records(cells, rows, too_wide=overflows)


def pieces(source: XlsxFile) -> list[SheetPiece]:
    """Return the staged files of the sheet's rows."""
    paths = sorted(source.folder.glob("*.parquet"))
    return [
        SheetPiece(source.file_id, source.file.name, path, source.columns, path.stat().st_size)
        for path in paths
    ]
