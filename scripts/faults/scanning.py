"""Looks for secrets in files and in the list of processes, byte by byte."""

import base64
import json
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq

_EVERY_S = 0.02
_OF_COMMAND_LINES = 200
_LONGEST = 1 << 21


def written(secret: str) -> list[bytes]:
    """The ways in which bytes may hold a secret, or the most of it."""
    texts = {secret, quote(secret, ""), quote(secret), json.dumps(secret)[1:-1]}
    texts.add(max(re.split(r"[^0-9A-Za-z]+", secret), key=len))
    plain = [text.encode() for text in sorted(texts)]
    return [*plain, base64.b64encode(secret.encode()).rstrip(b"=")]


def in_files(folders: Iterable[Path], secrets: Mapping[str, str]) -> list[str]:
    """List files that hold a secret, in content or name, with the place it was planted in."""
    hits = []
    for path in sorted(p for folder in folders for p in (folder, *folder.rglob("*"))):
        content = str(path).encode() + (_content(path) if path.is_file() else b"")
        hits += [f"{path}: {place}" for place, secret in secrets.items() if _has(content, secret)]
    return hits


def _content(path: Path) -> bytes:
    """A file's bytes; of Parquet, whose pages are compressed, the values as well."""
    content = path.read_bytes()
    if path.suffix == ".parquet" and content[:4] == b"PAR1":
        # As Python shows text it would escape some of it.
        values = json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
        content += (
            values.encode()
            + pq.read_metadata(path)
            .schema.to_arrow_schema()
            .to_string(show_schema_metadata=True)
            .encode()
        )
    return content


def _has(content: bytes, secret: str) -> bool:
    return any(form in content for form in written(secret))


@dataclass
class Watch:
    """What the list of processes has shown: secrets by process, and how many command lines."""

    found: set[str] = field(default_factory=set)
    seen: set[bytes] = field(default_factory=set)


@contextmanager
def processes(secrets: Mapping[str, str]) -> Iterator[Watch]:
    """Watches the command lines of all processes of this machine for the block."""
    watch, stop = Watch(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            for line in _command_lines():
                if line not in watch.seen:
                    watch.seen.add(line)
                    shown = line[:_OF_COMMAND_LINES].replace(b"\0", b" ").decode(errors="replace")
                    watch.found |= {f"{shown}: {p}" for p, s in secrets.items() if _has(line, s)}
            time.sleep(_EVERY_S)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def _command_lines() -> Iterator[bytes]:
    # Paths' own ways of listing and reading take most of a core here.
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with suppress(OSError):  # it has ended
                file = os.open(f"/proc/{name}/cmdline", os.O_RDONLY)
                try:
                    yield os.read(file, _LONGEST)
                finally:
                    os.close(file)
