"""A purchase API that answers as a broken or hostile one would, and what a fetch makes of it.

  python scripts/faults/hostile_api.py

Prints for each mode the exit code of jobs/fetch.py, its seconds and its memory.
"""

import gzip
import json
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BEYOND_EVERY_TIMEOUT_S = 60.0
MOBILE = "7000000001"

Sent = Iterator[bytes | float]
Mode = Callable[[int], Sent]


def page(cursor: object = None, purchases: Sequence[object] = ()) -> bytes:
    """A page as it should be."""
    customers = [{"mobile": MOBILE, "purchases": list(purchases)}]
    return json.dumps({"customers": customers, "next_cursor": cursor}).encode()


def answer(
    content: bytes, *headers: str, status: str = "200 OK", length: int | None = None
) -> Sent:
    size = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    yield "\r\n".join([*lines, "", ""]).encode() + content


def _trickled(content: bytes, pause_s: float = 0.2) -> Sent:
    for byte in content:
        yield bytes([byte])
        yield pause_s


@cache
def _bomb(times: int = 1) -> bytes:
    packed = b"".join(_zeros(2_000_000_000))
    for _ in range(times - 1):
        packed = gzip.compress(packed)
    return packed


def _zeros(size: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    for _ in range(size // 1_000_000):
        yield packer.compress(bytes(1_000_000))
    yield packer.flush()


def _endless_header(_: int) -> Sent:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from _trickled(b"X-Slow: " + b"x" * 10_000)


def _endless_body(_: int) -> Sent:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1\r\n \r\n"
        yield 0.2


def _flood(_: int) -> Sent:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"100000\r\n" + b" " * 0x100000 + b"\r\n"


def _flood_of_headers(_: int) -> Sent:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: " + b"x" * 100_000 + b"\r\n"


def _silence(_: int) -> Sent:
    yield BEYOND_EVERY_TIMEOUT_S


MODES: dict[str, Mode] = {
    "gzip twice": lambda _: answer(_bomb(2), "Content-Encoding: gzip, gzip"),
    "gzip bomb": lambda _: answer(_bomb(), "Content-Encoding: gzip"),
    "unknown encoding": lambda _: answer(page(), "Content-Encoding: br"),
    "cut gzip": lambda _: answer(gzip.compress(page())[:-9], "Content-Encoding: gzip"),
    "no gzip at all": lambda _: answer(page(), "Content-Encoding: gzip"),
    "more after the gzip": lambda _: answer(
        gzip.compress(page()) + b"more", "Content-Encoding: gzip"
    ),
    "header that trickles": _endless_header,
    "body that trickles": _endless_body,
    "body without end": _flood,
    "headers without end": _flood_of_headers,
    "no answer": _silence,
    "empty pages without end": lambda number: answer(page(f"c{number}")),
    "shorter than it says": lambda _: answer(page(), length=10_000),
    "no HTTP": lambda _: iter([b"SSH-2.0-OpenSSH_9.2\r\n"]),
    "nested deeply": lambda _: answer(b"[" * 1_000_000),
    "redirect": lambda _: answer(b"", "Location: file:///etc/passwd", status="302 Found"),
    "a year's rest": lambda _: answer(b"", "Retry-After: 31536000", status="503 Busy"),
}


@contextmanager
def serving(mode: Mode) -> Iterator[str]:
    """The URL of a server that answers each request so; a request is numbered from 0."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended, number = threading.Event(), iter(range(1 << 62))

    def answered(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(1 << 20)
            for sent in mode(next(number)):
                if isinstance(sent, float):
                    ended.wait(sent)
                else:
                    connection.sendall(sent)
                if ended.is_set():
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answered, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def fetched(mode: Mode, folder: Path) -> tuple[int, float, str]:
    """Exit code, seconds and message of a fetch from a server of this mode."""
    (folder / "customers.csv").write_text(f"mobile\n{MOBILE}\n")
    # What takes long to pack is kept.
    mode(0)
    with serving(mode) as url:
        command = [sys.executable, str(ROOT / "jobs" / "fetch.py"), f"--url={url}"]
        command += [f"--customers={folder}/customers.csv", f"--to={folder}/landing"]
        settings = ("timeout_s=2", "attempts=2", "first_wait_s=0.1", "requests_per_second=1000")
        command += [f"--set=fetch.{setting}" for setting in settings]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return done.returncode, time.monotonic() - start, last[0]


def main() -> None:
    """Runs every mode; exits with 1 where one isn't refused in time, or takes memory."""
    wrong = 0
    for name, mode in MODES.items():
        with tempfile.TemporaryDirectory() as folder:
            code, seconds, message = fetched(mode, Path(folder))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        is_right = code in (3, 4) and seconds < 30 and peak < 600
        wrong += not is_right
        mark = "ok " if is_right else "BAD"
        print(f"{mark} {name:<26} exit {code}  {seconds:5.1f} s  {peak:5.0f} MiB  {message[:90]}")
    print(f"{len(MODES) - wrong} of {len(MODES)} modes refused")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
