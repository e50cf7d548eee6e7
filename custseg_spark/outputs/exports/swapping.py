"""A folder of files in place of another in one step, so that readers see the old ones or the new.

Linux exchanges two names in one step (renameat2 with RENAME_EXCHANGE); Python has no word for it.
Where that isn't possible (another system, a folder that is a mount point) the files are moved one
by one, each the old or the new one in full.
"""

import ctypes
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE


def put(beside: Path, folder: Path, names: Sequence[str]) -> None:
    """Puts the files `names` of the folder `beside` into `folder`, whose other files stay.

    `beside` is on the same disk; afterwards it holds what `folder` held.
    """
    if not _swapped(beside, folder, names):
        for name in names:
            (beside / name).replace(folder / name)


def _swapped(beside: Path, folder: Path, names: Sequence[str]) -> bool:
    """Whether `beside`, with the other files of `folder` in it, has taken the folder's place."""
    try:
        for path in sorted(folder.iterdir()):
            if path.name not in names:
                _link(path, beside / path.name)
        shutil.copystat(folder, beside)
    except OSError:
        # Such as a file system without links.
        return False
    return _exchange(beside, folder)


def _link(source: Path, target: Path) -> None:
    """A second name of a file, or of all files of a folder."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    else:
        os.link(source, target, follow_symlinks=False)


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names; False where the system can't."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done: int = rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)
    return done == 0
