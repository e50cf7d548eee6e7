"""Places of files and folders: a Path on this machine, or a URI that Spark's file systems reach.

No Spark in this module; `session` reads and writes Remote places.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Two letters at least: C:/ is a drive.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_DATABASE = re.compile(r"jdbc:", re.IGNORECASE)
_OF_THIS_MACHINE = re.compile(r"file:(//(localhost)?)?(?=/)")


@dataclass(frozen=True)
class Remote:
    """A place by its URI, with the needed part of Path's interface."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    @property
    def name(self) -> str:
        """The part after the last slash."""
        return self.uri.rstrip("/").rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return Path(self.name).suffix

    @property
    def parent(self) -> "Remote":
        """The folder around it; a bucket or container is its own parent."""
        folder = self.uri.rstrip("/").rpartition("/")[0]
        return self if folder.endswith(("/", ":")) or not folder else Remote(folder)

    def __truediv__(self, name: str) -> "Remote":
        return Remote(f"{self.uri.rstrip('/')}/{name}")


Place = Path | Remote


def place(text: str) -> Place:
    """Return the place of a path or a URI; `file:` is on this machine.

    Every path from a user passes here. `~` is the home folder. `..` is resolved as by the system,
    after symbolic links; Hadoop and Delta would resolve it by the names alone.
    """
    path = _OF_THIS_MACHINE.sub("", text)
    is_elsewhere = _SCHEME.match(path) or is_database(path)
    return Remote(path) if is_elsewhere else _of_this_machine(Path(path))


def _of_this_machine(path: Path) -> Path:
    if path.parts[:1] and path.parts[0].startswith("~"):
        # Of an unknown user it is a name like any other.
        with suppress(RuntimeError):
            path = path.expanduser()
    return path.resolve() if ".." in path.parts else path


def spark_uri(path: Place) -> str:
    """Return the place for Spark's file systems.

    A local place gets its scheme, because a cluster's paths without a scheme are in HDFS.
    """
    if isinstance(path, Remote):
        return path.uri
    absolute = path.absolute()
    # A folder for Python, but for Spark a file system of Databricks's own.
    return str(absolute) if absolute.is_relative_to("/Volumes") else f"file:{absolute}"


def is_remote(text: str) -> bool:
    """Whether a path or a URI is not of this machine."""
    return isinstance(place(text), Remote)


def is_database(text: str) -> bool:
    """Whether a text is the JDBC URL of a database."""
    return bool(_DATABASE.match(text))
