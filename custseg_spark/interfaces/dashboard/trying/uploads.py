"""Uploaded files in a folder of this process: bounded, and removed after use, by age, at the end.

A visitor's name for a file is shown but never used as a path: each upload has a folder with a
random name.
"""

import json
import secrets
import shutil
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from types import TracebackType

from custseg_spark import scratch
from custseg_spark.engine.sources.discovery import files
from custseg_spark.errors import InputError

# The kinds of files that a visitor may upload, as `discovery.files` names them, with their labels.
KINDS = {"text": "CSV", "xlsx": "XLSX", "parquet": "Parquet", "sqlite": "SQLite"}
_GIB = 1 << 30
_LONGEST_NAME = 120
# Disk space that stays free for the lake and other users.
_SPARE_BYTES = 1 << 30


@dataclass(frozen=True)
class Limits:
    """The most bytes of one file and of all; the seconds for which uploads and passes are valid."""

    file_bytes: int = 2 * _GIB
    total_bytes: int = 8 * _GIB
    kept_s: float = 24 * 3_600
    pass_s: float = 12 * 3_600
    spare_bytes: int = _SPARE_BYTES


class RefusedUploadError(Exception):
    """An upload that is refused, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Upload:
    """An uploaded file: `name` is the visitor's name for it, `kind` one of KINDS."""

    id: str
    name: str
    kind: str
    bytes: int
    folder: Path

    @property
    def path(self) -> Path:
        """The path of its content."""
        return self.folder / "upload"


@dataclass
class _Entry:
    """An upload that is being received (`done` is None) or is complete."""

    bytes: int
    since: float
    done: Upload | None = None


@dataclass
class Uploads(AbstractContextManager["Uploads"]):
    """The uploads of a server; its methods may be called from any thread."""

    around: Path
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self._lock = RLock()
        self._entries: dict[str, _Entry] = {}
        self._passes: dict[str, float] = {}
        self._in_use: set[str] = set()
        self.around.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._scratch = scratch.folder("custseg-uploads-", self.around)
        self.folder = self._scratch.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove all uploads."""
        self._scratch.__exit__(kind, error, trace)

    def new_pass(self) -> str:
        """Return a secret with which the visitor's browser may upload files for a while."""
        with self._lock:
            now = time.monotonic()
            self._passes = {p: end for p, end in self._passes.items() if end > now}
            secret = secrets.token_urlsafe(32)
            self._passes[secret] = now + self.limits.pass_s
            return secret

    def admits(self, given: str) -> bool:
        """Whether a secret was given out and is still valid."""
        with self._lock:
            now, text = time.monotonic(), given.encode()
            matches = [
                end > now and secrets.compare_digest(text, secret.encode())
                for secret, end in self._passes.items()
            ]
            return any(matches)

    def room(self) -> int:
        """Return the most bytes that a file may have now."""
        with self._lock:
            self._remove_old()
            stored = sum(entry.bytes for entry in self._entries.values())
            free = shutil.disk_usage(self.folder).free - self.limits.spare_bytes
            return max(0, min(self.limits.file_bytes, self.limits.total_bytes - stored, free))

    def receive(self, name: str, length: int | None) -> "Receiving":
        """Return a place for a file of the announced `length`.

        RefusedUploadError for a long one.
        """
        with self._lock:
            room = self.room()
            if length is not None and length > self.limits.file_bytes:
                raise self.too_long()
            if length is not None and length > room:
                raise RefusedUploadError(507, _no_room(room))
            id_ = secrets.token_hex(16)
            (self.folder / id_).mkdir(mode=0o700)
            self._entries[id_] = _Entry(length or 0, time.monotonic())
            return Receiving(self, id_, _shown(name), self.folder / id_)

    def too_long(self) -> RefusedUploadError:
        """Return the message for a file beyond the limit."""
        return RefusedUploadError(
            413, f"the file is too large: at most {self.limits.file_bytes / _GIB:.3g} GiB"
        )

    def grown(self, receiving: str, size: int) -> None:
        """Note how much has arrived. RefusedUploadError if there is no room for it."""
        with self._lock:
            entry = self._entries[receiving]
            if size > self.limits.file_bytes:
                raise self.too_long()
            if size > entry.bytes:
                others = sum(h.bytes for key, h in self._entries.items() if key != receiving)
                if others + size > self.limits.total_bytes:
                    raise RefusedUploadError(507, _no_room(self.limits.total_bytes - others))
                entry.bytes = size

    def finished(self, upload: Upload) -> None:
        """Note a complete upload."""
        with self._lock:
            self._entries[upload.id] = _Entry(upload.bytes, time.monotonic(), upload)

    def get(self, id_: str) -> Upload | None:
        """Return the upload of an id, or None if it doesn't exist any more."""
        with self._lock:
            self._remove_old()
            entry = self._entries.get(id_)
            return entry.done if entry else None

    def use(self, id_: str, *, is_used: bool) -> None:
        """Keep an upload of any age while a process reads it."""
        with self._lock:
            (self._in_use.add if is_used else self._in_use.discard)(id_)

    def remove(self, id_: str) -> None:
        """Remove an upload, complete or not; do nothing if there is none."""
        with self._lock:
            if self._entries.pop(id_, None) is not None:
                shutil.rmtree(self.folder / id_, ignore_errors=True)

    def _remove_old(self) -> None:
        oldest = time.monotonic() - self.limits.kept_s
        for id_, entry in list(self._entries.items()):
            if entry.done and entry.since < oldest and id_ not in self._in_use:
                self.remove(id_)


@dataclass
class Receiving:
    """A file that is being received, until `keep` or `drop`."""

    uploads: Uploads
    id: str
    name: str
    folder: Path
    size: int = 0

    @property
    def path(self) -> Path:
        """The path of its bytes."""
        return self.folder / "upload"

    def grown(self, by: int) -> None:
        """Note that so many more bytes have arrived. RefusedUploadError for too many."""
        self.size += by
        self.uploads.grown(self.id, self.size)

    def keep(self) -> Upload:
        """Return the complete file. RefusedUploadError for an empty one and for an unknown kind."""
        if not self.size:
            raise RefusedUploadError(422, "the file is empty")
        try:
            [file] = files.list_files(str(self.path), hashes=False)
        except InputError as error:
            # The reason without the path, which means nothing to a visitor.
            raise RefusedUploadError(415, _unknown(str(error).partition(": ")[2])) from error
        if file.kind not in KINDS:
            raise RefusedUploadError(415, _unknown(f"it is {file.kind}"))
        upload = Upload(self.id, self.name, file.kind, self.size, self.folder)
        about = {"name": upload.name, "kind": upload.kind, "bytes": upload.bytes}
        (self.folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
        self.uploads.finished(upload)
        return upload

    def drop(self) -> None:
        """Remove the bytes received so far."""
        self.uploads.remove(self.id)


def _shown(name: str) -> str:
    """Return a name for display: its last part, printable, not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(c if c.isprintable() else "?" for c in last).strip()
    return printable[:_LONGEST_NAME] or "a file without a name"


def _unknown(why: str) -> str:
    kinds = ", ".join(list(KINDS.values())[:-1]) + " or " + list(KINDS.values())[-1]
    return f"the file can't be read: {why}; expected {kinds}"


def _no_room(room: int) -> str:
    return (
        f"there is room for {max(0, room) / (1 << 20):,.0f} MiB at the moment: other uploads, or"
        " the disk, take the rest"
    )
