"""A file is tried in a browser with the whole job: cancelled, run, looked at, downloaded."""

import io
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("streamlit", reason="the extra [dashboard]")
pytest.importorskip("playwright", reason="requirements-dev.txt has it")

from browser import dashboard
from deltalake import DeltaTable
from playwright.sync_api import expect
from trying import Visitor, small_log

# Two JVMs start and one segments: a minute of a test.
pytestmark = pytest.mark.heavy

_RUN_MS = 300_000


def in_group_of(folder: Path) -> list[int]:
    """The processes that work in or below a folder, or name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command and "dashboard" not in command.split("\x00"):
            found.append(int(process.name))
    return found


def test_a_file_becomes_segments_that_can_be_downloaded(browser: Any, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    with dashboard(tmp_path / "lake", tmp_path / "dashboard.log") as address:
        page = browser.new_page(viewport={"width": 1280, "height": 2400})
        visitor = Visitor(page, address)
        visitor.visit()
        visitor.bring(small_log(tmp_path / "log.csv"))
        visitor.says("no 'customer_id'")
        visitor.choose("col_a", "customer_id: who")
        visitor.press("Read the file for the curves")
        slider = page.get_by_role("slider", name="Number of segments k")
        expect(slider).to_be_visible()
        visitor.settled()
        while int(slider.input_value()) != 3:
            slider.press("ArrowLeft" if int(slider.input_value()) > 3 else "ArrowRight")
            visitor.settled()
        visitor.says("k = 3: silhouette")

        visitor.press("Segment the customers")
        visitor.says("start Spark")
        assert in_group_of(tries)
        visitor.press("Cancel")
        visitor.says("it was cancelled", 60_000)
        assert in_group_of(tries) == []
        [cancelled] = tries.glob("2*/")
        assert not (cancelled / "lake" / "runs" / "_delta_log").exists() or (
            DeltaTable(str(cancelled / "lake" / "runs")).to_pyarrow_table().num_rows == 0
        )

        visitor.press("Segment the customers")
        visitor.says("is segmented.", _RUN_MS)
        assert [p for p in tries.glob("custseg-uploads-*/*") if p.is_dir()] == []
        visitor.press("Look at the result")
        expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
        visitor.settled()
        visitor.says("90 customers")
        page.get_by_role("link", name="Download").first.click()
        expect(page.get_by_role("heading", name="Download", exact=True)).to_be_visible()
        visitor.settled()
        with page.expect_download() as waited:
            page.get_by_role("link", name=re.compile("^Download$")).last.click()
        downloaded = pl.read_csv(io.BytesIO(Path(waited.value.path()).read_bytes()))
        page.close()
    of_try = max(tries.glob("2*/"))
    table = pl.DataFrame(
        pl.from_arrow(DeltaTable(str(of_try / "lake" / "customer_segments")).to_pyarrow_table())
    )
    expected = table.filter(pl.col("algorithm") == "kmeans")
    names = ["customer_id", "segment_id", "segment_name"]
    assert downloaded.select(names).sort("customer_id").rows() == (
        expected.select(names).sort("customer_id").rows()
    )
    assert len(downloaded) == 90
    assert downloaded["segment_id"].n_unique() == 3
