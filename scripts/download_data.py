"""Download a public data set, checked by size and SHA-256: `python scripts/download_data.py NAME`.

Nothing appears under the file's name unless it is the very file that this script knows. A file
that is there and right isn't downloaded again.
"""

import argparse
import hashlib
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PIECE = 1 << 20
_TIMEOUT_S = 60


@dataclass(frozen=True)
class DataSet:
    """A data set's archive, and the file in it that is wanted, by size and hash."""

    url: str
    member: str
    bytes: int
    sha256: str
    about: str


DATA_SETS = {
    "online_retail": DataSet(
        url="https://archive.ics.uci.edu/static/public/352/online+retail.zip",
        member="Online Retail.xlsx",
        bytes=23_715_344,
        sha256="43465a06f2ccf7c8b5bd2892bc7defb52f97487934fe93b16ae4c3936424676d",
        about="UCI Machine Learning Repository 352, Online Retail, CC BY 4.0",
    ),
}


class DownloadError(Exception):
    """What went wrong, for a person."""


def download(data_set: DataSet, folder: Path, url: str | None = None) -> Path:
    """The data set's file in a folder, downloaded unless it is there. Raises DownloadError."""
    target = folder / data_set.member
    if target.is_file() and _flaw(target, data_set) is None:
        print(f"{target} is there already, {data_set.bytes:,} bytes, as expected")
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as name:
        archive, file = Path(name, "archive.zip"), Path(name, "file")
        _fetch(url or data_set.url, archive)
        _unpack(archive, data_set, file)
        if flaw := _flaw(file, data_set):
            raise DownloadError(f"{url or data_set.url}: {data_set.member} {flaw}; not kept")
        file.replace(target)
    print(f"{target}: {data_set.bytes:,} bytes, {data_set.about}")
    return target


def _fetch(url: str, target: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, target.open("wb") as file:
            while piece := answer.read(_PIECE):
                file.write(piece)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"{url} answers {error.code} {error.reason}") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(
            f"{url} can't be reached ({reason}): is there a network? Download it elsewhere, and"
            " put the file into --to"
        ) from error


def _unpack(archive: Path, data_set: DataSet, target: Path) -> None:
    """The wanted file, never more of it than it has: an archive may promise anything."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(data_set.member) as member:
            target.write_bytes(member.read(data_set.bytes + 1))
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise DownloadError(f"the archive isn't what was expected: {error}") from error


def _flaw(path: Path, data_set: DataSet) -> str | None:
    """What is wrong with a file; None for nothing."""
    size = path.stat().st_size
    if size != data_set.bytes:
        return f"has {size:,} bytes, expected {data_set.bytes:,}"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return None if digest == data_set.sha256 else f"has the SHA-256 {digest}, another file's"


def main(argv: Sequence[str] | None = None) -> None:
    """Downloads the data set of a command line; exit code 3 where it can't."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=sorted(DATA_SETS))
    parser.add_argument("--to", type=Path, default=Path("data"), metavar="DIR")
    parser.add_argument("--url", help="another place of the same archive")
    options = parser.parse_args(argv)
    try:
        download(DATA_SETS[options.name], options.to, options.url)
    except DownloadError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
