"""Damaged resources and hostile files: each ends a command with its exit code, not a traceback.

  python scripts/faults/hostile_files.py [NAME…]

Makes a small lake and tries each fault on a copy of it, by both ways of IO where that matters.
"""

import gzip
import lzma
import os
import shutil
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from custseg_spark.engine.spark import tasks
from faults import small_lake

Arguments = tuple[str, ...]
HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
LINE = "2019-10-01 00:00:00 UTC,view,1,2,a.b,x,9.99,{n},s{n}"


@dataclass(frozen=True)
class Place:
    """What a fault is tried on: a folder of its own, a copy of the lake, the log of it."""

    folder: Path
    lake: Path
    log: Path

    def table_files(self, table: str) -> list[Path]:
        """The data files of a table."""
        return sorted((self.lake / table).rglob("part-*.parquet"))

    def last_commit(self, table: str) -> Path:
        """The file of a table's last commit."""
        return max((self.lake / table / "_delta_log").glob("*.json"))

    def ingest(self, path: Path, *more: str) -> Arguments:
        """Reads a path as the events of the demo's mapping."""
        return ("ingest", f"--source=ecommerce_events={path}", f"--lake={self.folder}/new", *more)

    def segment(self, *more: str) -> Arguments:
        """Segments the lake as it is."""
        rerun = ("--skip-ingest", "--again", "--model=fit", f"--lake={self.lake}")
        return ("segment", *rerun, *small_lake.QUICK, *more)

    def config(self, text: bytes) -> Arguments:
        """Ingests by a configuration."""
        path = self.folder / "own.toml"
        path.write_bytes(text)
        return ("ingest", f"--config={path}", f"--lake={self.folder}/new")


@dataclass(frozen=True)
class Fault:
    """What is done to a place, the command that meets it, and the exit codes that are right."""

    prepare: Callable[[Place], Arguments]
    codes: tuple[int, ...] = (3,)


def _lines(count: int) -> str:
    return "\n".join([HEADER, *(LINE.format(n=n) for n in range(count)), ""])


def _cut(table: str, keep: float) -> Callable[[Place], Arguments]:
    def prepare(place: Place) -> Arguments:
        commit = place.last_commit(table)
        commit.write_bytes(commit.read_bytes()[: int(commit.stat().st_size * keep)])
        return place.segment()

    return prepare


def _by_spark(prepare: Callable[[Place], Arguments]) -> Callable[[Place], Arguments]:
    return lambda place: (*prepare(place), "--set=lake.io=spark")


def _damaged(table: str, change: Callable[[bytes], bytes] | None) -> Callable[[Place], Arguments]:
    """Changes or removes a table's data files."""

    def prepare(place: Place) -> Arguments:
        for path in place.table_files(table):
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
            if change is None:
                path.unlink()
            else:
                path.write_bytes(change(path.read_bytes()))
        if table == "customer_segments":
            return ("export", f"--lake={place.lake}", f"--to=csv:{place.folder}/out")
        return place.segment()

    return prepare


def _no_first_commit(place: Place) -> Arguments:
    min((place.lake / "events" / "_delta_log").glob("*.json")).unlink()
    return place.segment()


def _read_only(place: Place) -> Arguments:
    return ("ingest", f"--source=ecommerce_events={place.log}", "--lake=/proc/custseg")


def _parquet(
    columns: dict[str, pa.Array], change: Callable[[bytes], bytes] | None = None
) -> Callable[[Place], Arguments]:
    def prepare(place: Place) -> Arguments:
        path = place.folder / "log.parquet"
        pq.write_table(_table(columns), path, use_dictionary=False)
        if change:
            path.write_bytes(change(path.read_bytes()))
        return place.ingest(path)

    return prepare


def _table(columns: dict[str, pa.Array]) -> pa.Table:
    rows = [LINE.format(n=n).split(",") for n in range(300)]
    table = dict(zip(HEADER.split(","), map(pa.array, zip(*rows, strict=True)), strict=True))
    return pa.table(table | columns)


def _overwritten(content: bytes) -> bytes:
    """Bytes of the first pages replaced."""
    return content[:40] + b"\xff" * 400 + content[440:]


def _written(name: str, content: bytes) -> Callable[[Place], Arguments]:
    def prepare(place: Place) -> Arguments:
        path = place.folder / name
        path.write_bytes(content)
        return place.ingest(path)

    return prepare


def _gzip_bomb(place: Place) -> Arguments:
    path = place.folder / "log.csv.gz"
    packer = zlib.compressobj(9, wbits=31)
    with path.open("wb") as file:
        file.write(packer.compress(f"{HEADER}\n".encode()))
        for _ in range(1_000):
            file.write(packer.compress(b"\n" * 1_000_000))
        file.write(packer.flush())
    return place.ingest(path)


def _xz_bomb(place: Place) -> Arguments:
    path = place.folder / "log.csv.xz"
    with lzma.open(path, "wb", preset=0) as file:
        file.write(f"{HEADER}\n".encode())
        for _ in range(500):
            file.write(b"\n" * 1_000_000)
    return place.ingest(path)


def _sheet(rows: Callable[[], Iterator[bytes]]) -> Callable[[Place], Arguments]:
    main = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'

    def prepare(place: Place) -> Arguments:
        import xlsxwriter  # type: ignore[import-untyped]

        made, path = place.folder / "made.xlsx", place.folder / "log.xlsx"
        with xlsxwriter.Workbook(made) as book:
            book.add_worksheet("Ecommerce_data")
        with (
            zipfile.ZipFile(made) as old,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for name in old.namelist():
                if name != "xl/worksheets/sheet1.xml":
                    new.writestr(name, old.read(name))
            with new.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as stream:
                stream.write(main + b"<sheetData>")
                for row in rows():
                    stream.write(row)
                stream.write(b"</sheetData></worksheet>")
        return place.ingest(path)

    return prepare


def _row(number: int, values: Sequence[str]) -> bytes:
    cells = (f'<c t="str"><v>{value}</v></c>' for value in values)
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _far_cell() -> Iterator[bytes]:
    yield _row(1, HEADER.split(","))
    for n in range(60):
        yield _row(n + 2, LINE.format(n=n).split(","))
    yield b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


def _huge_cell() -> Iterator[bytes]:
    yield b'<row r="1"><c r="A1" t="str"><v>'
    for _ in range(1_200):
        yield b"x" * 1_000_000
    yield b"</v></c></row>"


def _name_of_bytes(place: Place) -> Arguments:
    folder = place.folder / "logs"
    folder.mkdir()
    (folder / "good.csv").write_text(_lines(9))
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.csv")).write_text(_lines(9))
    return place.ingest(folder)


def _quotes(place: Place) -> Arguments:
    path = place.folder / "log.csv"
    odd = LINE.format(n=1).replace("a.b", '"a"b')
    path.write_text(f"{_lines(40)}{odd}\n")
    return place.ingest(path)


def _dead_worker(place: Place) -> Arguments:
    """Tasks whose process is ended, as the system does where memory runs out."""
    usual = tasks.run

    def deadly(spark: Any, kernel: Any, given: Sequence[Any]) -> list[Any]:
        return usual(spark, lambda _: os.kill(os.getpid(), 9), given)

    tasks.run = deadly  # type: ignore[assignment]
    _UNDONE.append(lambda: setattr(tasks, "run", usual))
    return place.ingest(place.log)


_UNDONE: list[Callable[[], None]] = []
_TIMES = pa.array([7] * 300, pa.int64())
FAULTS: dict[str, Fault] = {
    "last commit cut": Fault(_cut("events", 0.6)),
    "last commit cut, by Spark": Fault(_by_spark(_cut("events", 0.6))),
    "last commit empty": Fault(_cut("sessions", 0)),
    "first commit gone": Fault(_no_first_commit),
    "first commit gone, by Spark": Fault(_by_spark(_no_first_commit)),
    "a table's files gone": Fault(_damaged("sessions", None)),
    "a table's files gone, by Spark": Fault(_by_spark(_damaged("sessions", None))),
    "a table's files cut": Fault(_damaged("sessions", lambda b: b[:-20])),
    "a table's pages damaged": Fault(_damaged("sessions", _overwritten)),
    "a table's pages damaged, by Spark": Fault(_by_spark(_damaged("sessions", _overwritten))),
    "an exported table's files gone": Fault(_damaged("customer_segments", None)),
    "a lake that can't be written": Fault(_read_only, (2, 3)),
    "Parquet with damaged pages": Fault(_parquet({}, _overwritten)),
    "Parquet cut": Fault(_parquet({}, lambda b: b[:-9])),
    "Parquet with a duration": Fault(_parquet({"event_time": _TIMES.cast(pa.duration("us"))})),
    "Parquet with a time of day": Fault(_parquet({"event_time": _TIMES.cast(pa.time64("us"))})),
    "Parquet with another duration": Fault(
        _parquet({"brand": _TIMES.cast(pa.duration("ns"))}), (0, 3)
    ),
    "a gzip bomb": Fault(_gzip_bomb),
    "an xz bomb": Fault(_xz_bomb),
    "a cut gzip": Fault(_written("log.csv.gz", gzip.compress(_lines(99).encode())[:-9])),
    "a far cell": Fault(_sheet(_far_cell), (0,)),
    "a huge cell": Fault(_sheet(_huge_cell)),
    "a name that isn't UTF-8": Fault(_name_of_bytes, (0,)),
    "text after a quote": Fault(_quotes, (0,)),
    "a dead worker": Fault(_dead_worker, (6,)),
    "deep TOML": Fault(lambda p: p.config(b"a = " + b"[" * 50_000), (2,)),
    "NUL in TOML": Fault(lambda p: p.config(b'[lake]\npath = "a\\u0000b"'), (2,)),
    "NaN for a share": Fault(
        lambda p: p.ingest(p.log, "--set=ingest.max_rejected_share=nan"), (2,)
    ),
    "a path for a mapping's name": Fault(
        lambda p: ("ingest", f"--source=../../x={p.log}", f"--lake={p.folder}/new"), (2,)
    ),
    "half an IPv6 address": Fault(
        lambda p: ("export", f"--lake={p.lake}", "--to=postgresql://u:p%40q@[::1/db"), (2,)
    ),
}


def tried(name: str, fault: Fault, whole: Place, folder: Path) -> bool:
    """Whether a fault ends as it should; prints how it did."""
    folder.mkdir()
    lake = folder / "lake"
    shutil.copytree(whole.lake, lake)
    command, *arguments = fault.prepare(Place(folder, lake, whole.log))
    start = time.monotonic()
    code, output = small_lake.run(command, *arguments)
    while _UNDONE:
        _UNDONE.pop()()
    last = next((line for line in output.splitlines() if line.startswith(("error", "Trace"))), "")
    is_right = code in fault.codes
    seconds = time.monotonic() - start
    print(f"{'ok ' if is_right else 'BAD'} {name:<34} exit {code}  {seconds:4.1f} s  {last[:300]}",
          flush=True)  # fmt: skip
    shutil.rmtree(folder)
    return is_right


def main() -> None:
    """Try all faults, or the named ones."""
    names = sys.argv[1:] or list(FAULTS)
    with small_lake.scratch() as scratch:
        folder = Path(scratch)
        log, lake = small_lake.made(folder)
        whole = Place(folder, lake, log)
        results = [tried(n, FAULTS[n], whole, folder / f"{i}") for i, n in enumerate(names)]
    small_lake.verdict(results, "faults ended with their exit code")


if __name__ == "__main__":
    main()
