"""A folder beside a target for staging: one export at a time, closed to other users."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from custseg_spark.errors import ConflictError, TargetError

_OWNER_ONLY, _WRITTEN_BY_OTHERS = 0o700, 0o022
# Another export that ends may remove the folder before it is locked: then try again.
_TRIES = 50


@contextmanager
def locked_folder(target: Path) -> Iterator[Path]:
    """Lock an empty private folder beside the target, and remove it at the end.

    The lock ends with the process, even a killed one, and the next export removes its files. Raises
    ConflictError while another export has the lock. Raises TargetError if its name is a link, a
    file, or a folder that somebody else may write to, and leaves that alone.
    """
    folder = target.with_name(f".{target.name}.staging")
    descriptor = _opened(folder, target)
    try:
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _opened(folder: Path, target: Path) -> int:
    """Return a descriptor that locks the folder, which is created if missing."""
    for _ in range(_TRIES):
        is_new = _created(folder)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _in_the_way(folder, "no folder of an export") from error
        try:
            if _is_held(descriptor, folder, target, is_new=is_new):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise ConflictError(f"another export to {target} is under way")


def _created(folder: Path) -> bool:
    try:
        folder.mkdir(_OWNER_ONLY)
    except FileExistsError:
        return False
    return True


def _is_held(descriptor: int, folder: Path, target: Path, *, is_new: bool) -> bool:
    """Whether the descriptor locks the folder that now has the name, and the folder is ours."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConflictError(f"another export to {target} is under way") from error
    status = os.fstat(descriptor)
    if not folder.exists() or folder.lstat().st_ino != status.st_ino:
        return False
    is_ours = status.st_uid == os.geteuid() and not status.st_mode & _WRITTEN_BY_OTHERS
    if not (is_new or is_ours):
        raise _in_the_way(folder, "a folder that others may write to")
    return True


def _in_the_way(folder: Path, obstacle: str) -> TargetError:
    return TargetError(f"{folder} is {obstacle}, where an export would stage; remove it")
