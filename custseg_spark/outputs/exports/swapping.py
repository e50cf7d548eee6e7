"""Replace one folder of files by another in one step: readers see all old files or all new ones.

Linux exchanges two names in one step (renameat2 with RENAME_EXCHANGE); Python has no function for
it. Where that isn't possible (another system, a folder that is a mount point) the files are moved
one by one, and a reader sees each file whole.
"""

import ctypes
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE


def put(beside: Path, folder: Path, names: Sequence[str]) -> None:
    """Put the files `names` of the folder `beside` into `folder`, whose other files stay.

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
        # For example, a file system without links.
        return False
    return _exchange(beside, folder)


def _link(source: Path, target: Path) -> None:
    """Give a file, or all files of a folder, a second name."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    else:
        os.link(source, target, follow_symlinks=False)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names; return False if the system can't."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done: int = rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE)
    return done == 0
