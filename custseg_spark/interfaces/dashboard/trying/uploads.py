"""Uploaded files: a folder of this process's own, bounded, emptied by use, by age and at the end.

A visitor's name of a file is shown and never a path: each upload has a folder with a random name.
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

# What a visitor may bring, by what `discovery.files` calls it, and how that is said.
KINDS = {"text": "CSV", "xlsx": "XLSX", "parquet": "Parquet", "sqlite": "SQLite"}
_GIB = 1 << 30
_LONGEST_NAME = 120
# Left for the lake and for everybody else on the disk.
_SPARE_BYTES = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Bytes of one file and of all; seconds for which an upload is kept, and an upload's pass."""

    file_bytes: int = 2 * _GIB
    total_bytes: int = 8 * _GIB
    kept_s: float = 24 * 3_600
    pass_s: float = 12 * 3_600
    spare_bytes: int = _SPARE_BYTES


class RefusedUploadError(Exception):
    """An upload that isn't taken, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Upload:
    """A file that is there: `name` is what the visitor calls it, `kind` one of KINDS."""

    id: str
    name: str
    kind: str
    bytes: int
    folder: Path

    @property
    def path(self) -> Path:
        """Where its content is."""
        return self.folder / "upload"


@dataclass
class _Held:
    """An upload that is being received (`done` is None) or is there."""

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
        self._held: dict[str, _Held] = {}
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
        """A secret with which the visitor's browser may upload files for a while."""
        with self._lock:
            now = time.monotonic()
            self._passes = {p: end for p, end in self._passes.items() if end > now}
            made = secrets.token_urlsafe(32)
            self._passes[made] = now + self.limits.pass_s
            return made

    def admits(self, given: str) -> bool:
        """Whether a secret is one that was given out and still holds."""
        with self._lock:
            now, text = time.monotonic(), given.encode()
            found = [
                end > now and secrets.compare_digest(text, known.encode())
                for known, end in self._passes.items()
            ]
            return any(found)

    def room(self) -> int:
        """How long a file may be now."""
        with self._lock:
            self._remove_old()
            held = sum(one.bytes for one in self._held.values())
            free = shutil.disk_usage(self.folder).free - self.limits.spare_bytes
            return max(0, min(self.limits.file_bytes, self.limits.total_bytes - held, free))

    def receive(self, name: str, length: int | None) -> "Receiving":
        """A place for a file; `length` as it was announced. RefusedUploadError for a long one."""
        with self._lock:
            room = self.room()
            if length is not None and length > self.limits.file_bytes:
                raise self.too_long()
            if length is not None and length > room:
                raise RefusedUploadError(507, _no_room(room))
            made = secrets.token_hex(16)
            (self.folder / made).mkdir(mode=0o700)
            self._held[made] = _Held(length or 0, time.monotonic())
            return Receiving(self, made, _shown(name), self.folder / made)

    def too_long(self) -> RefusedUploadError:
        """What is said of a file beyond the limit."""
        return RefusedUploadError(
            413, f"the file is too large: at most {self.limits.file_bytes / _GIB:.3g} GiB"
        )

    def grown(self, receiving: str, size: int) -> None:
        """Note how much has come. RefusedUploadError where it is more than there is room for."""
        with self._lock:
            held = self._held[receiving]
            if size > self.limits.file_bytes:
                raise self.too_long()
            if size > held.bytes:
                others = sum(h.bytes for key, h in self._held.items() if key != receiving)
                if others + size > self.limits.total_bytes:
                    raise RefusedUploadError(507, _no_room(self.limits.total_bytes - others))
                held.bytes = size

    def finished(self, upload: Upload) -> None:
        """Note an upload that is whole."""
        with self._lock:
            self._held[upload.id] = _Held(upload.bytes, time.monotonic(), upload)

    def get(self, id_: str) -> Upload | None:
        """The upload of an id, None where it is not or no longer there."""
        with self._lock:
            self._remove_old()
            held = self._held.get(id_)
            return held.done if held else None

    def use(self, id_: str, *, is_used: bool) -> None:
        """Keep an upload, whatever its age, while a process reads it."""
        with self._lock:
            (self._in_use.add if is_used else self._in_use.discard)(id_)

    def remove(self, id_: str) -> None:
        """Remove an upload, whole or not; nothing happens if there is none."""
        with self._lock:
            if self._held.pop(id_, None) is not None:
                shutil.rmtree(self.folder / id_, ignore_errors=True)

    def _remove_old(self) -> None:
        oldest = time.monotonic() - self.limits.kept_s
        for id_, held in list(self._held.items()):
            if held.done and held.since < oldest and id_ not in self._in_use:
                self.remove(id_)


@dataclass
class Receiving:
    """A file on its way; `keep` or `drop` ends it."""

    uploads: Uploads
    id: str
    name: str
    folder: Path
    size: int = 0

    @property
    def path(self) -> Path:
        """Where its bytes go."""
        return self.folder / "upload"

    def grown(self, by: int) -> None:
        """Note that so many bytes more have come. RefusedUploadError for too many."""
        self.size += by
        self.uploads.grown(self.id, self.size)

    def keep(self) -> Upload:
        """The whole file. RefusedUploadError for an empty one and for an unknown kind."""
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
        """Remove what has come."""
        self.uploads.remove(self.id)


def _shown(name: str) -> str:
    """A name as it is shown: its last part, printable, not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(c if c.isprintable() else "?" for c in last).strip()
    return printable[:_LONGEST_NAME] or "a file without a name"


def _unknown(why: str) -> str:
    known = ", ".join(list(KINDS.values())[:-1]) + " or " + list(KINDS.values())[-1]
    return f"the file can't be read: {why}; expected {known}"


def _no_room(room: int) -> str:
    return (
        f"there is room for {max(0, room) / (1 << 20):,.0f} MiB at the moment: other uploads, or"
        " the disk, take the rest"
    )
