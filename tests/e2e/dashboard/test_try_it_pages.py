"""A file is tried in a browser as far as that goes without Spark: upload, mapping, curves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import dashboard
from playwright.sync_api import expect
from trying import HEADER, Visitor, small_log


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a dashboard over no lake, and the folder of its tries."""
    folder = tmp_path_factory.mktemp("trying")
    with dashboard(folder / "lake", folder / "dashboard.log") as address:
        yield address, folder / "tries"


@pytest.fixture
def visitor(browser: Any, served: tuple[str, Path]) -> Iterator[Visitor]:
    page = browser.new_page(viewport={"width": 1280, "height": 2400})
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    made = Visitor(page, served[0])
    made.visit()
    yield made
    page.close()


def uploads(tries: Path) -> list[Path]:
    return [p for p in tries.glob("custseg-uploads-*/*") if p.is_dir()]


def test_a_mapping_is_mended_and_k_chosen_on_curves(
    visitor: Visitor, served: tuple[str, Path], tmp_path: Path
) -> None:
    visitor.bring(small_log(tmp_path / "log.csv"))
    visitor.says("no 'customer_id'")
    visitor.choose("col_a", "customer_id: who")
    visitor.counts("accepted", "2,250")
    visitor.press("Read the file for the curves")
    slider = visitor.page.get_by_role("slider", name="Number of segments k")
    expect(slider).to_be_visible()
    expect(visitor.page.locator(".js-plotly-plot")).to_have_count(3)
    visitor.settled()
    before = int(slider.input_value())
    slider.press("ArrowRight" if before < 10 else "ArrowLeft")
    visitor.says(f"k = {before + (1 if before < 10 else -1)}: silhouette")
    visitor.page.get_by_text("RFM: recency").click()
    visitor.says("(recency_days, frequency, monetary)")
    assert len(uploads(served[1])) == 1
    visitor.press("Remove the file")
    visitor.settled()
    expect(visitor.page.locator("input[type=file]")).to_be_attached()
    assert uploads(served[1]) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "The file is empty.", id="empty"),
        pytest.param(b"a\x00b", "binary content; expected CSV", id="binary"),
        pytest.param(b"PAR1junk", "1. The file", id="broken-parquet"),
    ],
)
def test_a_malformed_file_is_told_in_words(
    visitor: Visitor, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    visitor.bring(path)
    visitor.says(words)
    visitor.settled()
    expect(visitor.page.get_by_role("button", name="Segment the customers")).to_have_count(0)


def test_refused_records_are_shown_with_their_reasons_and_markup_stays_text(
    visitor: Visitor, tmp_path: Path
) -> None:
    markup = "<img src=x onerror=alert(1)>"
    header = HEADER.replace("sku", f'"{markup}"')
    kinds = [(1, markup, 3), (2, "buy", -2), *((n, "view", n) for n in range(3, 9))]
    rows = "".join(
        f"2024-05-0{n} 10:00:00,{kind},7,![x](http://x/y),{price}\n" for n, kind, price in kinds
    )
    path = tmp_path / f"{markup.replace('/', '')}.csv"
    path.write_text(f"{header}\n{rows}")
    visitor.bring(path)
    visitor.says("no 'customer_id'")
    visitor.choose("col_a", "customer_id: who")
    visitor.choose("what", "event_type: view, cart, purchase, return")
    visitor.counts("refused", "2")
    visitor.says("More than 5.0% of these records are refused", 10_000)
    expect(visitor.page.locator("img[src=x]")).to_have_count(0)
    expect(visitor.page.locator('img[src*="http://x"]')).to_have_count(0)
