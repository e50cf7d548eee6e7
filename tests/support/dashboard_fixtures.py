"""A browser for a file's tests, and a dashboard over a lake of literal rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the extra [dashboard]")
pytest.importorskip("playwright", reason="requirements-dev.txt has it")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window; `new_page` of Playwright opens one."""
    from browser import chromium, opened

    program = chromium()
    if program is None:
        pytest.skip("chromium isn't installed (Debian: apt-get install chromium)")
    with opened(program) as started:
        yield started


@pytest.fixture(scope="module")
def shown_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small lake, which tests only read."""
    import dashboard_lake

    folder = tmp_path_factory.mktemp("dashboard") / "lake"
    dashboard_lake.make(folder)
    return folder


@pytest.fixture(scope="module")
def address(shown_lake: Path) -> Iterator[str]:
    """Where the dashboard over `shown_lake` is."""
    from browser import dashboard

    with dashboard(shown_lake, shown_lake.parent / "dashboard.log") as started:
        yield started
