"""The dashboard's pages in a browser, over a lake of literal rows."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dashboard_lake
import pytest
from browser import PATIENT_MS, dashboard
from dashboard_lake import FORMULA, MARKUP
from playwright.sync_api import expect

from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.interfaces.dashboard.pages.registry import PAGES
from custseg_spark.interfaces.dashboard.settings import PASSWORD_VARIABLE


@pytest.fixture(scope="module")
def visitor(browser: Any) -> Iterator[Any]:
    """One visitor, whose browser keeps Streamlit's own files."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(visitor: Any) -> Iterator[Any]:
    opened = visitor.new_page()
    opened.set_default_timeout(PATIENT_MS)
    # A dialog would be a script of a customer's id.
    opened.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    yield opened
    opened.close()


def visit(page: Any, address: str, path: str = "") -> None:
    """Opens a page and waits until it is drawn."""
    page.goto(f"{address}/{path}")
    expect(page.get_by_role("heading", name=PAGES[path].title, exact=True)).to_be_visible()
    settled(page)


def settled(page: Any) -> None:
    """Waits until no script runs; nothing may have failed."""
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute(
        "data-test-script-state", "notRunning"
    )
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
    expect(page.locator('[data-testid="stAlertContentError"]')).to_have_count(0)


def part(page: Any, name: str) -> None:
    """Chooses a part of a page."""
    page.get_by_role("radio", name=name, exact=True).or_(
        page.get_by_role("button", name=name, exact=True)
    ).first.click()
    settled(page)


def says(page: Any, text: str) -> None:
    expect(page.get_by_text(text).first).to_be_visible()


def test_the_overview_has_the_run_its_ledger_and_cards(page: Any, address: str) -> None:
    visit(page, address)
    says(page, "a small log")
    says(page, "= 5 accepted + 3 rejected + 0 duplicates.")
    cards = page.locator(".card")
    expect(cards).to_have_count(2)
    expect(cards.nth(0)).to_contain_text("Window Shoppers")
    expect(cards.nth(0)).to_contain_text("60.0 %")
    # An action is a text, whatever markup is in it.
    expect(cards.nth(0)).to_contain_text("<b>Ask</b> them")
    expect(cards.nth(1)).to_contain_text("High-Value")
    says(page, "because.")


def test_segments_are_drawn_with_their_shares(page: Any, address: str) -> None:
    visit(page, address, "segments")
    bars = page.locator(".js-plotly-plot").first
    for share in ("60.0 %", "40.0 %", "100.0 %", "0.6 %"):
        expect(bars).to_contain_text(share)
    part(page, "Profiles")
    expect(page.locator(".js-plotly-plot").first).to_contain_text("+1.2")
    part(page, "Recency, frequency, spend")
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    part(page, "Map")
    expect(page.locator(".js-plotly-plot .scatterlayer .point")).to_have_count(5)
    part(page, "Value")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_purchases_are_listed_and_drawn(page: Any, address: str) -> None:
    visit(page, address, "purchases")
    says(page, "The segment has 3 of all 5 buyers.")
    drawn(page, "may be chance")
    expect(page.locator("img[src=x]")).to_have_count(0)
    says(page, "bought together")
    part(page, "Seasons")
    says(page, "Months are of 2 whole years before the run date")
    drawn(page, "Dec")


def drawn(page: Any, text: str) -> None:
    """Waits for the picture that has a text; the part before may still stand beside it."""
    picture = page.locator(".js-plotly-plot").filter(has_text=text)
    expect(picture.first).to_be_visible()


def test_movement_counts_who_moved(page: Any, address: str) -> None:
    visit(page, address, "movement")
    says(
        page,
        "Since 2024-04-01: of 4 customers of both runs 3 (75.0 %) stayed in their segment, 1"
        " changed; 1 joined, 1 are gone.",
    )
    expect(page.locator(".js-plotly-plot .sankey-link")).to_have_count(5)
    part(page, "Ids over time")
    expect(page.locator(".js-plotly-plot .scatterlayer .trace")).to_have_count(2)
    part(page, "Drift")
    # Until it is drawn, the picture of the part before stands beside it.
    expect(page.locator(".js-plotly-plot").filter(has_text="net spend")).to_have_count(1)


def test_a_customer_is_explained(page: Any, address: str) -> None:
    visit(page, address, "customer")
    look_for(page, "512345679")
    says(page, "Customer 512345679 on 2024-05-01, segment 1.")
    expect(page.get_by_role("heading", name="High-Value")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)


def look_for(page: Any, customer: str) -> None:
    box = page.get_by_label("Customer id")
    box.fill(customer)
    box.press("Enter")
    settled(page)


def test_a_mistyped_customer_is_offered_ids_near_it(page: Any, address: str) -> None:
    visit(page, address, "customer")
    look_for(page, "51234567")
    says(page, "The run of 2024-05-01 has no customer “51234567”.")
    page.get_by_role("button", name="512345678", exact=True).click()
    says(page, "Customer 512345678 on 2024-05-01")


def test_what_is_typed_stays_text(page: Any, address: str) -> None:
    visit(page, address, "customer")
    for typed in (MARKUP, FORMULA, "../../etc/passwd", "' OR 1=1 --", "$\\alpha$ :red[x]"):
        look_for(page, typed)
        says(page, typed)
        expect(page.locator("img[src=x]")).to_have_count(0)
        expect(page.locator(".katex")).to_have_count(0)


def test_quality_counts_refusals_files_and_late_events(page: Any, address: str) -> None:
    visit(page, address, "quality")
    says(page, "A record that fails several rules is counted for each.")
    part(page, "Files")
    says(page, "2 files; records = header")
    part(page, "Late events")
    says(page, "1 event came late.")


def test_a_run_date_can_be_chosen(page: Any, address: str) -> None:
    visit(page, address)
    page.get_by_role("combobox", name="Run date").click()
    page.get_by_role("option", name="2024-04-01").click()
    settled(page)
    says(page, "By what customers did before 2024-04-01 (UTC)")
    # It stays on other pages.
    page.get_by_role("link", name="Segments").click()
    settled(page)
    expect(page.get_by_role("combobox", name="Run date")).to_have_value("2024-04-01")


def test_a_download_has_the_rows_of_the_table(page: Any, address: str) -> None:
    visit(page, address, "download")
    page.get_by_role("combobox", name="Segment").click()
    page.get_by_role("option", name="Window Shoppers (3)").click()
    link = page.get_by_role("link", name="Download").last
    # A script that hasn't begun yet counts as settled.
    expect(link).to_have_attribute("href", re.compile("segment_id="))
    with page.expect_download() as started:
        link.click()
    path = started.value.path()
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    expected = [f"'{FORMULA}", "612345670", MARKUP]
    assert sorted(row["customer_id"] for row in rows) == sorted(expected)


def test_a_lake_is_shown_once_it_is_there_to_who_has_the_password(
    visitor: Any, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    password = {PASSWORD_VARIABLE: "a long enough one"}
    with dashboard(lake, tmp_path / "dashboard.log", **password) as address:
        page = visitor.new_page()
        page.set_default_timeout(PATIENT_MS)
        page.goto(address)
        page.get_by_label("Password").fill("a wrong one")
        page.get_by_role("button", name="Enter").click()
        says(page, "That is not the password.")
        page.get_by_label("Password").fill(password[PASSWORD_VARIABLE])
        page.get_by_role("button", name="Enter").click()
        says(page, "the folder doesn't exist")
        NativeLake(lake).create([EVENTS])
        page.reload()
        says(page, "has no run yet: custseg segment makes one")
        dashboard_lake.make(lake)
        page.reload()
        says(page, "= 5 accepted + 3 rejected + 0 duplicates.")
        page.close()
