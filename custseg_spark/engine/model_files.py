"""Read a saved model's files on this machine; compare their hash with the one in `runs`."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from custseg_spark.errors import InputError

# Our models have a few dozen files of a few kilobytes.
_MOST_FILES, MOST_BYTES = 1_000, 1 << 28

Files = Mapping[str, bytes]


def read(folder: Path) -> Files:
    """Return the contents of a model's files by relative path; empty if there is no folder.

    Raises InputError for links, and for more files or bytes than a model has.
    """
    contents = ((p.relative_to(folder).as_posix(), p.read_bytes()) for p in _paths(folder))
    return gathered(contents, str(folder))


def gathered(contents: Iterable[tuple[str, bytes]], path: str) -> Files:
    """Collect files by name. Raises InputError for more files or bytes than a model has."""
    files: dict[str, bytes] = {}
    size = 0
    for name, content in contents:
        size += len(content)
        if len(files) == _MOST_FILES or size > MOST_BYTES:
            raise InputError(f"{path} has more files or bytes than a model")
        files[name] = content
    return files


def digest(files: Files) -> str:
    """Hash the paths, lengths and contents of a model's files."""
    whole = hashlib.sha256()
    for name in sorted(files):
        content = files[name]
        of_file = hashlib.sha256(content).hexdigest()
        whole.update(f"{len(name.encode())} {name} {len(content)} {of_file}\n".encode())
    return whole.hexdigest()


def require_seal(files: Files, sha256: str | None, path: str) -> None:
    """Raise InputError unless the files have the hash `sha256` of their run; None is an error."""
    if sha256 is None:
        raise InputError(
            f"no run holds the hash of the model at {path}; fit anew (model.use = fit)"
        )
    if digest(files) != sha256:
        raise InputError(
            f"the model at {path} is not as its run published it: a file was changed, added or"
            " removed since; restore its folder from a copy, or fit anew (model.use = fit)"
        )


def is_checksum(name: str) -> bool:
    """Whether a file is a checksum of Hadoop's: copies may lack it, and its file is hashed."""
    name = PurePosixPath(name).name
    return name.startswith(".") and name.endswith(".crc")


def _paths(folder: Path) -> Iterator[Path]:
    """Yield the files below a local folder. Raises InputError for a link or a device."""
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            status = path.lstat()
            is_folder = stat.S_ISDIR(status.st_mode)
            if not is_folder and not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path} is neither a file nor a folder: no part of a model")
            if is_folder or is_checksum(name):
                continue
            if status.st_size > MOST_BYTES:
                raise InputError(f"{path} is longer than a model")
            yield path
