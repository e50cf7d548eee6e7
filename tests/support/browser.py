"""A browser and a dashboard to look at with it: Debian's chromium, driven by Playwright."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkout import ROOT

# As the script `custseg`, of this checkout.
_CONSOLE = "from custseg_spark.interfaces.cli.main import console; console()"
# A busy machine takes many times as long; a test ends its wait as soon as the thing is there.
PATIENT_MS = 180_000
_STARTS_WITHIN_S = PATIENT_MS // 1_000
# Where Debian, and where other systems, have it.
_PLACES = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The program; None where there is none."""
    found = (shutil.which(place) for place in _PLACES)
    return next((path for path in found if path), None)


@contextmanager
def opened(program: str) -> Iterator[Any]:
    """A Playwright browser without a window."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            timeout=PATIENT_MS,
            # A container's root has no sandbox, and its /dev/shm is too small for pictures.
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield browser
        browser.close()


@contextmanager
def dashboard(lake: Path, log: Path, **environment: str) -> Iterator[str]:
    """The address of `custseg dashboard` over a lake, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", _CONSOLE, "dashboard"]
    options = ["--lake", str(lake), "--port", str(port)]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, *options],
            cwd=log.parent,
            env=_environment(environment),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _environment(more: Mapping[str, str]) -> Mapping[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("STREAMLIT_", "CUSTSEG_"))}
    return {**own, "PYTHONPATH": str(ROOT), **more}


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"the dashboard didn't start:\n{log.read_text(errors='replace')}")
