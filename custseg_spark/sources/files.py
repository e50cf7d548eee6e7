"""Source files as bytes: which there are, of what kind, how many records, and their hash.

Everything here is counted without a parser, so that the ledger's left side is independent
of the side that Spark parses. No Spark in this module.
"""

import codecs
import csv
import glob
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from custseg_spark.errors import InputError

_BLOCK_BYTES = 1 << 20
_SQLITE_MAGIC = b"SQLite format 3\x00"
_GZIP_MAGIC = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_SQLITE_SIDECARS = ("-wal", "-shm", "-journal")
# Beyond any header: a file of one endless line is something else, and must not fill the memory.
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class SourceFile:
    """One file, its kind by content: `text`, `gzip`, `sqlite`; else `skipped_because` says why."""

    path: Path
    kind: str
    bytes: int
    sha256: str
    skipped_because: str | None = None
    named_outright: bool = False


def list_files(path: str) -> list[SourceFile]:
    """The files of a path, a folder (with its subfolders) or a glob, by name.

    In a folder, what can't be a log (hidden, empty, SQLite's side files, unknown binaries) is
    returned with the reason it is skipped. Raises InputError where nothing is there, or where a
    file that was named outright can't be read.
    """
    named = Path(path)
    if named.is_file():
        return [_identify(named, outright=True)]
    if named.is_dir():
        found = sorted(p for p in named.rglob("*") if p.is_file())
        files = [_in_folder(p, p.relative_to(named)) for p in found]
    else:
        # Path.glob refuses an absolute pattern.
        names = glob.glob(path, recursive=True)  # noqa: PTH207
        found = sorted(p for p in map(Path, names) if p.is_file())
        files = [_in_folder(p, Path(p.name)) for p in found]
    if not any(f.skipped_because is None for f in files):
        skipped = "".join(f"\n  {f.path}: {f.skipped_because}" for f in files)
        raise InputError(f"no readable file at {path}{skipped}")
    return files


def _absolute(path: Path) -> Path:
    """Absolute and without `..`, which Spark would take out by the names alone."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _in_folder(path: Path, relative: Path) -> SourceFile:
    """A file that wasn't named itself; hidden if it or a folder on the way to it is."""
    if any(part.startswith((".", "_")) for part in relative.parts):
        reason = "hidden (its name, or its folder's, begins with . or _)"
        return SourceFile(_absolute(path), "hidden", path.stat().st_size, "", reason)
    return _identify(path, outright=False)


def _identify(path: Path, *, outright: bool) -> SourceFile:
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
        kind, problem = _kind(path, head, outright=outright)
        digest = "" if problem else _sha256(path)
        size = path.stat().st_size
        return SourceFile(_absolute(path), kind, size, digest, problem, named_outright=outright)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error


def _kind(path: Path, head: bytes, *, outright: bool) -> tuple[str, str | None]:
    """The kind told by the first bytes, and the reason to skip the file, if there is one."""
    if not outright and path.name.endswith(_SQLITE_SIDECARS):
        return "sidecar", "SQLite's side file; read with its database"
    if head.startswith(_SQLITE_MAGIC):
        return "sqlite", None
    if head.startswith(_GZIP_MAGIC):
        return "gzip", None
    if not head:
        problem = "empty file"
    elif head.startswith(_UTF16_BOMS):
        problem = "UTF-16 text; expected UTF-8"
    elif b"\x00" in head.partition(b"\n")[0]:
        problem = "binary content; expected CSV text, gzip or SQLite"
    else:
        return "text", None
    if outright:
        raise InputError(f"{path}: {problem}")
    return "unknown", problem


def _sha256(path: Path) -> str:
    """Hash of the content; of a SQLite database in WAL mode, of the database and its log."""
    digest = hashlib.sha256()
    for part in (path, path.with_name(path.name + "-wal")):
        if part.is_file():
            with part.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
    return digest.hexdigest()


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
    for block in _blocks(file, split_bytes):
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
        if header is None and len(carry) > _LONGEST_HEADER:
            header, header_row = carry, newlines + 1
        if header is not None and carry.strip(b"\r"):
            carry = b"x"  # that it isn't blank is all that matters of it
    if carry:
        if header is None:
            header, header_row = carry, newlines + 1
        blank += not carry.strip(b"\r")
    unfinished = last_byte != b"\n"
    return TextFacts(
        *_header(header or b"", delimiter),
        header_row=header_row,
        physical_records=newlines + unfinished,
        blank=blank,
        rows_before=tuple(rows_before),
        has_nul=has_nul,
    )


def _blocks(file: SourceFile, split_bytes: int) -> Iterator[bytes]:
    """The file's bytes in blocks, one of which ends wherever a split does."""
    position = 0
    opener = gzip.open if file.kind == "gzip" else open
    try:
        with opener(file.path, "rb") as stream:
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


def _header(line: bytes, delimiter: str) -> tuple[tuple[str, ...], str | None]:
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
    twice = sorted({n for n in names if names.count(n) > 1})
    return names, f"the header names column '{twice[0]}' twice" if twice else None


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
    for block in _blocks(file, _BLOCK_BYTES):
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
