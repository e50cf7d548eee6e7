"""Detect by a probe file whether driver and executors share a lake's folder."""

import os
import re
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from custseg_spark.paths import Remote, place

# Databricks mounts objects as a file system without hard links.
_NEVER = ("/Volumes", "/dbfs", "/Workspace")
_MOUNTS = Path("/proc/self/mounts")
_FUSE = re.compile(r"fuse(\..+|blk)?")


def is_native_path(path: str, mounts: str | None = None) -> bool:
    """Whether a path is a folder on one of this machine's own file systems.

    URIs other than `file:`, Databricks's mounts and FUSE mounts are not. `mounts` is the text of
    the machine's list of mounts.
    """
    folder = place(path)
    if isinstance(folder, Remote):
        return False
    real = folder.resolve()
    if any(real.is_relative_to(never) for never in _NEVER):
        return False
    return not _FUSE.fullmatch(_file_system(real, _mounts() if mounts is None else mounts))


def _mounts() -> str:
    with suppress(OSError):
        return _MOUNTS.read_text("utf-8", "replace")
    return ""


def _file_system(folder: Path, mounts: str) -> str:
    """Return the kind of file system that holds a folder; empty if unknown."""
    kinds: dict[Path, str] = {}
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        # The list of mounts writes a space as \\040.
        kinds[Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), point))] = kind
    around = [point for point in kinds if folder.is_relative_to(point)]
    return kinds[max(around, key=lambda point: len(point.parts))] if around else ""


def write_probe(folder: Path) -> str | None:
    """Write a file that is visible only in the shared folder; return its name, for `has_probe`.

    None if the file can't be written or hard-linked, which commits need.
    """
    name = f"_probe-{uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
        os.link(folder / name, folder / f"{name}-linked")
        (folder / f"{name}-linked").unlink()
    except OSError:
        with suppress(OSError):
            (folder / name).unlink()
        return None
    return name


def has_probe(folder: str, name: str) -> bool:
    """Whether this machine sees the probe in the folder, as written; tasks answer this."""
    with suppress(OSError):
        return (Path(folder) / name).read_text() == name
    return False


def answer_probe(folder: str, name: str, task: int) -> str | None:
    """Write a task's own probe beside the driver's; return its name, for the driver to look for."""
    answer = f"{name}-{task}"
    if not has_probe(folder, name):
        return None
    with suppress(OSError):
        (Path(folder) / answer).write_text(answer)
        return answer
    return None


def remove_probes(folder: Path, name: str) -> None:
    """Remove a probe and the tasks' answers to it."""
    for file in folder.glob(f"{name}*"):
        file.unlink(missing_ok=True)
