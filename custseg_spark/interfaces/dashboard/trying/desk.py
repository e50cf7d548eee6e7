"""The parts that visitors share: uploads, tries with their lakes, and the one running process."""

import atexit
import json
import re
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from custseg_spark.errors import InputError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.dashboard.trying.processes import Process
from custseg_spark.interfaces.dashboard.trying.uploads import Limits, Upload, Uploads

# Only folders with such names are tries.
_TRY = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
MAPPING = "upload"
# Like the command `custseg`, which need not be on the path.
_COMMAND = "from custseg_spark.interfaces.cli.main import console; console()"
_READING = "custseg_spark.interfaces.dashboard.trying.reading"
# With these the job writes its stages, and doesn't buffer its log.
_ENVIRONMENT = {"CUSTSEG_TERMINAL": "1", "PYTHONUNBUFFERED": "1"}
SAMPLE = "sample.parquet"

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


@dataclass(frozen=True)
class Try:
    """A run of the job on a file: its input, its settings, and its result."""

    id: str
    name: str
    preset: str
    k: int | None
    started: str
    folder: Path
    state: str = RUNNING
    message: str = ""
    own_lake: bool = True

    @property
    def lake(self) -> Path:
        """The folder of the try's own lake."""
        return self.folder / "lake"

    @property
    def at(self) -> str:
        """The time of its beginning, to the minute."""
        return self.started[:16].replace("T", " ")

    @property
    def log(self) -> Path:
        """The file of the job's log."""
        return self.folder / "log.txt"


@dataclass(frozen=True)
class RunRequest:
    """The request for a run: `preset` is a file's name below conf/presets, empty for none."""

    preset: str = ""
    k: int | None = None
    into_shown_lake: bool = False


class BusyError(Exception):
    """Another process runs: memory and cores suffice for one."""


class Desk:
    """Uploads, tries and the running process of one server; callable from any thread."""

    def __init__(self, folder: Path, shown_lake: Path, limits: Limits | None = None) -> None:
        self.folder, self.shown_lake = folder, shown_lake
        self.uploads = Uploads(folder, limits or Limits())
        self._lock = Lock()
        self.running: Process | None = None
        self.at: Try | None = None
        self.reading: str | None = None
        self._is_closed = False

    def close(self) -> None:
        """End the running process and remove all uploads; a second call does nothing."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        if self.running is not None:
            self.running.cancel()
        self.uploads.__exit__(None, None, None)

    def read(self, upload: Upload) -> Process:
        """Start computing the features of a sample of the file. BusyError while a process runs."""
        command = [sys.executable, "-m", _READING, str(upload.folder)]
        with self._lock:
            self._require_idle()
            self.at, self.reading = None, upload.id
            self.uploads.use(upload.id, is_used=True)
            self.running = Process(
                command,
                folder=upload.folder,
                log=upload.folder / "reading.txt",
                environment=_ENVIRONMENT,
                on_end=lambda _: self.uploads.use(upload.id, is_used=False),
            )
            return self.running

    def run(self, upload: Upload, request: RunRequest) -> Try:
        """Start the job on an uploaded file. BusyError while a process runs.

        The file is removed once its events are in the lake.
        """
        with self._lock:
            self._require_idle()
            attempt = self._new_try(upload.name, request)
            sample = upload.folder / SAMPLE
            if sample.exists():
                shutil.copyfile(sample, attempt.folder / SAMPLE)
            self.uploads.use(upload.id, is_used=True)
            source = [str(upload.path), "--mapping", MAPPING]

            def ended(process: Process) -> None:
                self._finish(attempt, process)
                self.uploads.use(upload.id, is_used=False)
                if process.exit_code == 0:
                    self.uploads.remove(upload.id)

            self._start(attempt, source, request, upload.folder, ended)
            return attempt

    def run_again(self, earlier: Try, request: RunRequest) -> Try:
        """Start the job on a try's lake with other models. BusyError while a process runs."""
        with self._lock:
            self._require_idle()
            attempt = replace(
                earlier,
                preset=request.preset,
                k=request.k,
                started=_now(),
                state=RUNNING,
                message="",
            )
            _write(attempt)
            source = ["--skip-ingest", "--model", "fit"]
            self._start(
                attempt, source, request, attempt.folder, lambda p: self._finish(attempt, p)
            )
            return attempt

    def _require_idle(self) -> None:
        if self._is_closed or (self.running is not None and self.running.is_running):
            raise BusyError("something runs already: wait for its end, or cancel it")

    def _new_try(self, name: str, request: RunRequest) -> Try:
        id_ = f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        folder = self.folder / id_
        folder.mkdir(mode=0o700)
        attempt = Try(
            id_,
            name,
            request.preset,
            request.k,
            _now(),
            folder,
            own_lake=not request.into_shown_lake,
        )
        _write(attempt)
        return attempt

    def _start(
        self, of: Try, source: Sequence[str], request: RunRequest, folder: Path, on_end: Any
    ) -> None:
        lake = of.lake if of.own_lake else self.shown_lake
        command = [sys.executable, "-c", _COMMAND, "segment", *source, "--lake", str(lake)]
        if of.own_lake:
            command += ["--reports", str(of.folder / "reports")]
        # Set even if the environment names another: the curves belong to this one.
        config = f"presets/{request.preset}.toml" if request.preset else "local.toml"
        command += ["--config", config]
        if request.k is not None:
            command += ["--set", f"model.k={request.k}"]
        self.at, self.reading = of, None
        self.running = Process(
            command, folder=folder, log=of.log, environment=_ENVIRONMENT, on_end=on_end
        )

    def _finish(self, of: Try, process: Process) -> None:
        state = DONE if process.exit_code == 0 else FAILED
        state = CANCELLED if process.is_cancelled else state
        self.at = replace(of, state=state, message="" if state == DONE else _why(process))
        _write(self.at)

    def tries(self) -> list[Try]:
        """Return the existing tries, the latest first."""
        folders = [p for p in self.folder.iterdir() if _TRY.fullmatch(p.name) and p.is_dir()]
        read = (_read(folder) for folder in sorted(folders, reverse=True))
        return [self._settled(one) for one in read if one is not None]

    def _settled(self, attempt: Try) -> Try:
        """Return the try; one that was running when the server ended has failed."""
        is_it = self.at is not None and self.at.id == attempt.id
        if attempt.state == RUNNING and not is_it:
            return replace(attempt, state=FAILED, message="the dashboard was stopped meanwhile")
        return attempt

    def get(self, id_: str) -> Try | None:
        """Return the try of an id, or None. The id is compared, never used as a path."""
        return next((one for one in self.tries() if one.id == id_), None)

    def remove(self, attempt: Try) -> None:
        """Remove a try with its lake. BusyError while it runs."""
        with self._lock:
            if self.at is not None and self.at.id == attempt.id:
                self._require_idle()
            shutil.rmtree(attempt.folder, ignore_errors=True)


def _now() -> str:
    return clock.now().isoformat(timespec="seconds")


def _write(one: Try) -> None:
    values = {k: v for k, v in asdict(one).items() if k not in ("folder", "id")}
    target = one.folder / "try.json"
    part = target.with_suffix(".part")
    part.write_text(json.dumps(values), encoding="utf-8")
    part.replace(target)


def _read(folder: Path) -> Try | None:
    try:
        values: Mapping[str, Any] = json.loads((folder / "try.json").read_text(encoding="utf-8"))
        return Try(id=folder.name, folder=folder, **values)
    except (OSError, ValueError, TypeError):
        return None


def _why(process: Process) -> str:
    """Return a job's error, or else its last line."""
    if process.is_cancelled:
        return "it was cancelled; the lake is as it was before"
    lines = process.text().strip().splitlines()
    error_lines = [i for i, line in enumerate(lines) if line.startswith("error: ")]
    if error_lines:
        return "\n".join(lines[error_lines[-1] :]).removeprefix("error: ")
    return f"it ended with exit code {process.exit_code}; see its log"


_current: list[Desk] = []


def open_desk(folder: Path, shown_lake: Path) -> Desk:
    """Open the desk of this process, which is closed when the process ends."""
    _current[:] = [Desk(folder, shown_lake)]
    atexit.register(_current[0].close)
    return _current[0]


def desk() -> Desk | None:
    """Return the desk of this process, or None if files can't be tried."""
    return _current[0] if _current else None


def tries_with_lakes() -> dict[str, Try]:
    """Return the tries with a filled lake of their own by id, the latest first."""
    at = desk()
    tries = at.tries() if at else []
    return {one.id: one for one in tries if one.state == DONE and one.own_lake}


def lake_of(id_: str) -> Path:
    """Return the lake of a try. Raises InputError without one."""
    one = tries_with_lakes().get(id_)
    if one is None:
        raise InputError(f"there is no try '{id_}' with a lake")
    return one.lake
