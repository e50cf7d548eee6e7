"""Where a file or folder is: on this machine, a Path, or where only Spark's file systems reach.

No Spark in this module; `session` reads and writes what is Remote.
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
    """A place by its URI, with the little of Path's interface that places are asked for."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    @property
    def name(self) -> str:
        """What stands behind the last slash."""
        return self.uri.rstrip("/").rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return Path(self.name).suffix

    @property
    def parent(self) -> "Remote":
        """The folder around it; a bucket or container is its own."""
        folder = self.uri.rstrip("/").rpartition("/")[0]
        return self if folder.endswith(("/", ":")) or not folder else Remote(folder)

    def __truediv__(self, name: str) -> "Remote":
        return Remote(f"{self.uri.rstrip('/')}/{name}")


Place = Path | Remote


def place(text: str) -> Place:
    """The place that a path or a URI names; one of `file:` is on this machine.

    Every path of a user's comes through here: `~` is the home folder, and `..` is taken out as
    the system does, behind symbolic links, where Hadoop and Delta would by the names alone.
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
    """The place as Spark's file systems take it.

    One of this machine with its scheme: a cluster's paths without any are those of HDFS.
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
