"""The download routes: the customers of segments, streamed from the lake's files in batches."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pyarrow import csv

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.interfaces.dashboard.reading.mapping import SCHEMA, customers, require
from custseg_spark.interfaces.dashboard.settings import Settings
from custseg_spark.interfaces.dashboard.trying.desk import lake_of
from custseg_spark.outputs.spreadsheets import safe_texts

_Batches = Iterable[pa.RecordBatch]


def add_downloads(app: FastAPI, settings: Settings) -> None:
    """Add a route per format: `/customers.csv?run_date=…&algorithm=…`, for all segments or one.

    `lake` is the id of a try, to read its own lake.
    """

    @app.get("/customers.csv")
    def as_csv(
        run_date: date, algorithm: str, segment_id: int | None = None, lake: str = ""
    ) -> StreamingResponse:
        return _answer(_root(settings, lake), run_date, algorithm, segment_id, "csv")

    @app.get("/customers.parquet")
    def as_parquet(
        run_date: date, algorithm: str, segment_id: int | None = None, lake: str = ""
    ) -> StreamingResponse:
        return _answer(_root(settings, lake), run_date, algorithm, segment_id, "parquet")


def _root(settings: Settings, lake: str) -> Path:
    return lake_of(lake) if lake else settings.lake


def _answer(
    root: Path, day: date, algorithm: str, segment_id: int | None, form: str
) -> StreamingResponse:
    lake = LakeReader(root).at_one_moment()
    require(lake, day, algorithm, segment_id)
    written, media_type = _FORMATS[form]
    of_segment = "" if segment_id is None else f"_segment_{segment_id}"
    name = f"customer_segments_{day}_{algorithm}{of_segment}.{form}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        # Neither compressed nor cached on its way.
        "Content-Encoding": "identity",
        "Cache-Control": "no-store",
    }
    batches = customers(lake, day, algorithm, segment_id)
    return StreamingResponse(written(batches), media_type=media_type, headers=headers)


def _csv(batches: _Batches) -> Iterator[bytes]:
    yield (",".join(f'"{name}"' for name in SCHEMA.names) + "\n").encode()
    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        sink = io.BytesIO()
        csv.write_csv(_for_spreadsheets(batch), sink, options)
        yield sink.getvalue()


def _for_spreadsheets(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with lists as texts, and with texts that no spreadsheet executes."""
    return pa.RecordBatch.from_arrays(
        [_cells(column) for column in batch.columns], batch.schema.names
    )


def _cells(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, "; ")
    return safe_texts(column) if pa.types.is_string(column.type) else column


def _parquet(batches: _Batches) -> Iterator[bytes]:
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), SCHEMA, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Collects the bytes that a writer wrote since the last `taken`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


_FORMATS: Mapping[str, tuple[Callable[[_Batches], Iterator[bytes]], str]] = {
    "csv": (_csv, "text/csv; charset=utf-8"),
    "parquet": (_parquet, "application/vnd.apache.parquet"),
}
