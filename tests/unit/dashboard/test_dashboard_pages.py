"""The dashboard's pages in a browser, over a lake of literal rows."""

from typing import Any

from playwright.sync_api import expect


def test_the_first_page_is_the_overview(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=30_000)
