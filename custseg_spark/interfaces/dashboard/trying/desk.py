"""What visitors share: the uploads, the tries with their lakes, and the one process that runs."""

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

# The only names of folders that are looked at.
_TRY = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
MAPPING = "upload"
# As the command `custseg`, which need not be on the path.
_COMMAND = "from custseg_spark.interfaces.cli.main import console; console()"
_READING = "custseg_spark.interfaces.dashboard.trying.reading"
# The job then writes which stage it is at; and a log that isn't held back.
_ENVIRONMENT = {"CUSTSEG_TERMINAL": "1", "PYTHONUNBUFFERED": "1"}
SAMPLE = "sample.parquet"

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


@dataclass(frozen=True)
class Try:
    """A run of the job on a file: of what, how, and what became of it.

    `lake` is None where the try has a lake of its own.
    """

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
        """The folder of a lake of its own."""
        return self.folder / "lake"

    @property
    def at(self) -> str:
        """When it began, to the minute."""
        return self.started[:16].replace("T", " ")

    @property
    def log(self) -> Path:
        """What the job wrote."""
        return self.folder / "log.txt"


@dataclass(frozen=True)
class Asked:
    """What a run is asked for: `preset` is a file's name below conf/presets, empty for none."""

    preset: str = ""
    k: int | None = None
    into_shown_lake: bool = False


class BusyError(Exception):
    """Another process runs: memory and cores are for one."""


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
        """End what runs and remove all uploads; the second time nothing happens."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        if self.running is not None:
            self.running.cancel()
        self.uploads.__exit__(None, None, None)

    def read(self, upload: Upload) -> Process:
        """Start computing the features of a sample of the file. BusyError while something runs."""
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

    def run(self, upload: Upload, asked: Asked) -> Try:
        """Start the job on an uploaded file. BusyError while something runs.

        The file is removed once its events are in the lake.
        """
        with self._lock:
            self._require_idle()
            made = self._new_try(upload.name, asked)
            sample = upload.folder / SAMPLE
            if sample.exists():
                shutil.copyfile(sample, made.folder / SAMPLE)
            self.uploads.use(upload.id, is_used=True)
            source = [str(upload.path), "--mapping", MAPPING]

            def ended(process: Process) -> None:
                self._finish(made, process)
                self.uploads.use(upload.id, is_used=False)
                if process.exit_code == 0:
                    self.uploads.remove(upload.id)

            self._start(made, source, asked, upload.folder, ended)
            return made

    def run_again(self, earlier: Try, asked: Asked) -> Try:
        """Start the job on a try's lake with other models. BusyError while something runs."""
        with self._lock:
            self._require_idle()
            made = replace(
                earlier, preset=asked.preset, k=asked.k, started=_now(), state=RUNNING, message=""
            )
            _write(made)
            source = ["--skip-ingest", "--model", "fit"]
            self._start(made, source, asked, made.folder, lambda p: self._finish(made, p))
            return made

    def _require_idle(self) -> None:
        if self._is_closed or (self.running is not None and self.running.is_running):
            raise BusyError("something runs already: wait for its end, or cancel it")

    def _new_try(self, name: str, asked: Asked) -> Try:
        id_ = f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        folder = self.folder / id_
        folder.mkdir(mode=0o700)
        made = Try(
            id_, name, asked.preset, asked.k, _now(), folder, own_lake=not asked.into_shown_lake
        )
        _write(made)
        return made

    def _start(
        self, of: Try, source: Sequence[str], asked: Asked, folder: Path, on_end: Any
    ) -> None:
        lake = of.lake if of.own_lake else self.shown_lake
        command = [sys.executable, "-c", _COMMAND, "segment", *source, "--lake", str(lake)]
        if of.own_lake:
            command += ["--reports", str(of.folder / "reports")]
        # Also where the environment names another one: the curves are of this.
        config = f"presets/{asked.preset}.toml" if asked.preset else "local.toml"
        command += ["--config", config]
        if asked.k is not None:
            command += ["--set", f"model.k={asked.k}"]
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
        """The tries that are there, the latest first."""
        found = [p for p in self.folder.iterdir() if _TRY.fullmatch(p.name) and p.is_dir()]
        read = (_read(folder) for folder in sorted(found, reverse=True))
        return [self._settled(one) for one in read if one is not None]

    def _settled(self, one: Try) -> Try:
        """A try that was running when the server ended has failed."""
        is_it = self.at is not None and self.at.id == one.id
        if one.state == RUNNING and not is_it:
            return replace(one, state=FAILED, message="the dashboard was stopped meanwhile")
        return one

    def get(self, id_: str) -> Try | None:
        """The try of an id, None if there is none: an id is compared, not looked up as a path."""
        return next((one for one in self.tries() if one.id == id_), None)

    def remove(self, one: Try) -> None:
        """Remove a try with its lake. BusyError while it runs."""
        with self._lock:
            if self.at is not None and self.at.id == one.id:
                self._require_idle()
            shutil.rmtree(one.folder, ignore_errors=True)


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
    """What a job said last: its error, if it told one."""
    if process.is_cancelled:
        return "it was cancelled; the lake is as it was before"
    lines = process.text().strip().splitlines()
    told = [i for i, line in enumerate(lines) if line.startswith("error: ")]
    if told:
        return "\n".join(lines[told[-1] :]).removeprefix("error: ")
    return f"it ended with exit code {process.exit_code}; see its log"


_held: list[Desk] = []


def open_desk(folder: Path, shown_lake: Path) -> Desk:
    """The desk of this process; closed when the process ends."""
    _held[:] = [Desk(folder, shown_lake)]
    atexit.register(_held[0].close)
    return _held[0]


def desk() -> Desk | None:
    """The desk of this process, None where files can't be tried."""
    return _held[0] if _held else None


def tries_with_lakes() -> dict[str, Try]:
    """The tries by id that have filled a lake of their own, the latest first."""
    at = desk()
    found = at.tries() if at else []
    return {one.id: one for one in found if one.state == DONE and one.own_lake}


def lake_of(id_: str) -> Path:
    """The lake of a try. Raises InputError where it has none."""
    one = tries_with_lakes().get(id_)
    if one is None:
        raise InputError(f"there is no try '{id_}' with a lake")
    return one.lake
