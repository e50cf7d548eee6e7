"""Opening a Delta table's log by delta-rs, whatever its folder is called.

Facts of deltalake 1.6.6, each tried:
* It makes a URL of the folder's real path (links are resolved, relative paths and file: URIs too)
  and decodes it once where it writes and twice where it reads: a folder whose name holds `%20`
  gets a first version that can't be read again; a backslash becomes a slash. All else works:
  spaces, quotes, umlauts, `=`, `#`, `?`, a `%` without two hexadecimal digits behind it.
  Such a table is opened through another folder, whose `_delta_log` is a link to the real one:
  only the root is resolved, and of a table we let delta-rs see the log alone.
* A handle doesn't move by its own `create_write_transaction`: open it again.
"""

import re
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock

from deltalake import DeltaTable

from custseg_spark.engine.lake import damage

LOG = "_delta_log"
_one_at_a_time = Lock()
_MISREAD = re.compile(r"%[0-9A-Fa-f]{2}|\\")


def is_table(folder: Path) -> bool:
    """Whether a Delta table's first version or a checkpoint stands in the folder."""
    log = folder / LOG
    return any(log.glob("*.json")) or any(log.glob("*.checkpoint*.parquet"))


def open_table(folder: Path, version: int | None = None) -> DeltaTable:
    """Return the table's log as of a version, the latest where none is named."""
    with damage.named(folder, "the table's log"):
        table = DeltaTable(log_folder(folder), version=version)
        _require_content(folder, table.version())
    return table


def _require_content(folder: Path, version: int) -> None:
    """Raise OSError for a last commit of nothing: delta-rs takes it for one without actions."""
    commit = folder / LOG / f"{version:020d}.json"
    if commit.exists() and not commit.stat().st_size:
        raise OSError(f"{commit.name} is empty")


def log_folder(folder: Path) -> str:
    """Return the folder that delta-rs may be given for the log of the table in `folder`."""
    real = folder.resolve()
    if not _MISREAD.search(str(real)):
        return str(real)
    with _one_at_a_time:
        return str(_stand_in(real))


@cache
def _stand_in(folder: Path) -> Path:
    """A folder of an ordinary name with the log of the table in it, until the process ends."""
    (folder / LOG).mkdir(parents=True, exist_ok=True)
    stand_in = Path(tempfile.mkdtemp(dir=_temporary().name))
    (stand_in / LOG).symlink_to(folder / LOG, target_is_directory=True)
    return stand_in


@cache
def _temporary() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="custseg-lake-")
