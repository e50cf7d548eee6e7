"""How much memory an upload takes beyond the idle dashboard: a file of 2 GiB through its route.

  python scripts/upload_memory.py [--gib 2]

Starts `custseg dashboard` over an empty folder, sends a file of text that is made on the way, and
prints the seconds and the most memory of the server before and while it is received.
"""

import argparse
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

ROOT = Path(__file__).parents[1]
_COMMAND = "from custseg_spark.interfaces.cli.main import console; console()"
# A pass is given by the page, which a browser would load; this asks the same process for one.
_SERVED = f"""
import os, threading
from pathlib import Path
from custseg_spark.interfaces.dashboard.trying import desk
def tell():
    while desk.desk() is None:
        pass
    Path(os.environ["PASS_FILE"]).write_text(desk.desk().uploads.new_pass())
threading.Thread(target=tell).start()
{_COMMAND}
"""
_BLOCK = (b"2024-05-01 10:00:00,view,7,x1,9.50\n" * 30_000)[: 1 << 20]
_MIB = 1 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2.0)
    blocks = int(parser.parse_args().gib * 1024)
    with tempfile.TemporaryDirectory(prefix="custseg-upload-memory-") as folder:
        _measure(Path(folder), blocks)


def _measure(folder: Path, blocks: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = folder / "pass"
    options = ["dashboard", "--lake", str(folder / "lake"), "--port", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVED, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PASS_FILE": str(token)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        before, peak, done = _rss(server.pid), [0], Event()
        watching = Thread(target=_watch, args=(server.pid, peak, done))
        watching.start()
        started = time.perf_counter()
        status = _send(port, token.read_text(), blocks)
        seconds = time.perf_counter() - started
        done.set()
        watching.join()
        print(f"{blocks} MiB in {seconds:.1f} s: {status}")
        print(f"before {before / _MIB:.0f} MiB, at most {peak[0] / _MIB:.0f} MiB:", end=" ")
        print(f"{(peak[0] - before) / _MIB:.0f} MiB more")
    finally:
        server.terminate()
        server.wait(20)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the dashboard didn't start")


def _send(port: int, given: str, blocks: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    headers = {
        "Content-Length": str(blocks * len(_BLOCK)),
        "X-Upload-Pass": given,
        "X-File-Name": "log.csv",
    }

    def body() -> Iterator[bytes]:
        for _ in range(blocks):
            yield _BLOCK

    connection.request("POST", "/api/uploads", body=body(), headers=headers)
    answer = connection.getresponse()
    return f"{answer.status} {answer.read().decode()}"


def _watch(pid: int, peak: list[int], done: Event) -> None:
    while not done.wait(0.02):
        peak[0] = max(peak[0], _rss(pid))


def _rss(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


if __name__ == "__main__":
    main()
