"""Source files: which there are, of what kind by their first bytes, and their hash.

No Spark in this module.
"""

import glob
import hashlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from custseg_spark.errors import InputError
from custseg_spark.paths import Place, Remote, is_remote, place

_BLOCK_BYTES = 1 << 20
_SQLITE_MAGIC = b"SQLite format 3\x00"
_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_ZIP_MAGIC = b"PK\x03\x04"
_PARQUET_MAGIC = b"PAR1"
_ENCRYPTED_PARQUET_MAGIC = b"PARE"
# The beginning of Excel's format before XLSX, and of encrypted XLSX.
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_WORKBOOK = "xl/workbook.xml"
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_SQLITE_SIDECARS = ("-wal", "-shm", "-journal")
HEAD_BYTES = 4096
NO_NAME = "its name isn't UTF-8; rename it"
HIDDEN = "hidden (its name, or its folder's, begins with . or _)"


@dataclass(frozen=True)
class SourceFile:
    """One file, its kind by content: `text`, `gzip`, `xz`, `sqlite`, `xlsx`, `parquet`,
    `json`.

    Else `skipped_because` says why. `unpacked` has the text of a file that Spark can't decompress,
    or the copy of one that isn't on this machine; `footer` the end of a Parquet file that Spark
    reads where it is. `sha256` is of a remote file's URI, length and time of change: its content
    would have to be read to know that there is nothing to read. `sheet` is set where several of a
    workbook's are files of their own to the ledger; `called` is what the ledger calls the file,
    where that isn't its path.
    """

    path: Place
    kind: str
    bytes: int
    sha256: str
    skipped_because: str | None = None
    named_outright: bool = False
    unpacked: Path | None = None
    footer: Path | None = None
    sheet: str = ""
    called: str = ""

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        called = self.called or str(self.path)
        return f"{called}#{self.sheet}" if self.sheet else called

    @property
    def data(self) -> Path:
        """Where this machine reads what the file holds."""
        path = self.unpacked or self.path
        if isinstance(path, Remote):
            raise ValueError(f"{path} has not been fetched")
        return path


def list_files(path: str, *, hashes: bool = True) -> list[SourceFile]:
    """Return the files of a path, a folder (with its subfolders) or a glob, by name.

    In a folder, what can't be a log (hidden, empty, SQLite's side files, unknown binaries) is
    returned with the reason it is skipped. Raises InputError where nothing is there, or where a
    file that was named outright can't be read. A remote path has none here (`remote` lists it).
    Without `hashes` no file is read: `hashed` reads it.
    """
    named = place(path)
    if isinstance(named, Remote):
        return []
    if named.is_file():
        return [_identify(named, outright=True, hashes=hashes)]
    if named.is_dir():
        paths = sorted(p for p in named.rglob("*") if p.is_file())
        files = [_in_folder(p, p.relative_to(named), hashes=hashes) for p in paths]
    else:
        # Path.glob refuses an absolute pattern.
        names = glob.glob(str(named), recursive=True)  # noqa: PTH207
        paths = sorted(p for p in map(Path, names) if p.is_file())
        files = [_in_folder(p, Path(p.name), hashes=hashes) for p in paths]
    require_readable(files, path)
    return files


def require_readable(files: Sequence[SourceFile], path: str) -> None:
    """Raise InputError where a path has no file that can be read, with the reason."""
    if not any(f.skipped_because is None for f in files):
        why = "".join(f"\n  {f.path}: {f.skipped_because}" for f in files) or _absent(path)
        # A URI is no Path: that would take one of its two slashes.
        shown = path if is_remote(path) else printable(Path(path))
        raise InputError(f"no readable file at {shown}{why}")


def _absent(path: str) -> str:
    """Say why nothing at all was found."""
    if glob.has_magic(path):
        return ": no file matches"
    is_folder = not is_remote(path) and Path(path).is_dir()
    return ": the folder is empty" if is_folder else ": there is no such file or folder"


def arrived(path: Path) -> SourceFile:
    """A file that a stream has seen in its folder, with its hash, or why it can't be read."""
    try:
        return _identify(path, outright=False, hashes=True)
    except InputError as error:
        return SourceFile(Path(printable(path)), "unknown", 0, "", str(error))


def _in_folder(path: Path, relative: Path, *, hashes: bool) -> SourceFile:
    """Return a file that wasn't named itself; hidden if it or a folder on the way to it is."""
    if is_hidden(relative):
        shown = Path(printable(path.absolute()))
        return SourceFile(shown, "hidden", path.stat().st_size, "", HIDDEN)
    return _identify(path, outright=False, hashes=hashes)


def printable(path: Path) -> str:
    """Return the path as text, with the bytes escaped that aren't UTF-8."""
    return str(path).encode(errors="backslashreplace").decode()


def is_hidden(relative: PurePath) -> bool:
    """Whether a name, or a folder's on the way to it, says that it isn't meant to be read."""
    return any(part.startswith((".", "_")) for part in relative.parts)


def _identify(path: Path, *, outright: bool, hashes: bool) -> SourceFile:
    shown = printable(path)
    if shown != str(path):
        if outright:
            raise InputError(f"{shown}: {NO_NAME}")
        return SourceFile(Path(shown), "unknown", path.stat().st_size, "", NO_NAME)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        kind, problem = kind_of(path, head, lambda: path, outright=outright)
        digest = _sha256(path) if hashes and not problem else ""
        size = path.stat().st_size
        return SourceFile(path.absolute(), kind, size, digest, problem, named_outright=outright)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error


def hashed(file: SourceFile) -> SourceFile:
    """Return the file with the hash of its content, if it is one to be read that has none yet."""
    if file.sha256 or file.skipped_because or isinstance(file.path, Remote):
        return file
    try:
        return replace(file, sha256=_sha256(file.path))
    except OSError as error:
        raise InputError(f"{file.path}: can't be read: {error.strerror}") from error


def kind_of(
    path: Place, head: bytes, whole: Callable[[], Path], *, outright: bool
) -> tuple[str, str | None]:
    """Return the kind told by the first bytes, and the reason to skip the file, if there is one.

    `whole` is asked for the file itself where these don't tell.
    """
    if not outright and path.name.endswith(_SQLITE_SIDECARS):
        return "sidecar", "SQLite's side file; read with its database"
    if head.startswith(_SQLITE_MAGIC):
        return "sqlite", None
    if head.startswith(_GZIP_MAGIC):
        return "gzip", None
    if head.startswith(_XZ_MAGIC):
        return "xz", None
    if head.startswith(_ZIP_MAGIC) and _is_workbook(whole()):
        return "xlsx", None
    if head.startswith(_PARQUET_MAGIC):
        return "parquet", None
    if not head:
        problem = "empty file"
    elif head.startswith(_ENCRYPTED_PARQUET_MAGIC):
        problem = "encrypted Parquet"
    elif head.startswith(_OLE_MAGIC):
        problem = "an encrypted workbook, or one of Excel before 2007; save it as plain XLSX"
    elif head.startswith(_UTF16_BOMS):
        problem = "UTF-16 text; expected UTF-8"
    elif b"\x00" in head.partition(b"\n")[0]:
        problem = "binary content; expected CSV text, gzip, xz, JSON, XLSX, Parquet or SQLite"
    elif head.removeprefix(_UTF8_BOM).lstrip().startswith((b"{", b"[")):
        return "json", None
    else:
        return "text", None
    if outright:
        raise InputError(f"{path}: {problem}")
    return "unknown", problem


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return _WORKBOOK in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _sha256(path: Path) -> str:
    """Hash of the content; of a SQLite database in WAL mode, of the database and its log."""
    digest = hashlib.sha256()
    for part in (path, path.with_name(path.name + "-wal")):
        if part.is_file():
            with part.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
    return digest.hexdigest()
