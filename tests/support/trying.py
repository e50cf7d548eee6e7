"""A visitor who tries a file in the dashboard, and a small log to try."""

from pathlib import Path
from typing import Any

from browser import PATIENT_MS
from playwright.sync_api import expect

HEADER = "moment,what,col_a,sku,price"
_TYPES = ("view", "view", "cart", "view", "buy")


def small_log(path: Path, customers: int = 90) -> Path:
    """Customers of three kinds by how often they come; nobody can guess whose id `col_a` is."""
    lines = [HEADER]
    for customer in range(customers):
        kind = customer % 3
        for event in range(10 + 15 * kind):
            day, hour = 1 + (customer + event * (4 - kind)) % 28, 8 + (event * 5 + customer) % 14
            price = 4 + 30 * kind + (customer + event) % 7
            lines.append(
                f"2024-05-{day:02} {hour:02}:{event % 60:02}:{customer % 60:02},"
                f"{_TYPES[event % 5]},{customer:03}a,p{event % 9},{price}.50"
            )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Visitor:
    """The page "Try a file" as a person uses it."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        page.set_default_timeout(PATIENT_MS)

    def visit(self) -> None:
        """Open the page."""
        self.page.goto(f"{self.address}/try")
        self.settled()

    def settled(self) -> None:
        """Wait until no script runs; nothing may have failed."""
        app = self.page.locator('[data-testid="stApp"]')
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator('[data-testid="stException"]')).to_have_count(0)

    def bring(self, path: Path) -> None:
        """Upload a file."""
        self.page.locator("input[type=file]").set_input_files(path)

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a select box."""
        self.settled()
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.click()
        self.page.get_by_role("option", name=option, exact=True).click()
        self.settled()
        expect(box).to_have_value(option)

    def says(self, text: str, patient_ms: int = PATIENT_MS) -> None:
        """Expect a text."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=patient_ms)

    def counts(self, name: str, value: str) -> None:
        """Expect a count above the first events."""
        metric = self.page.get_by_test_id("stMetric").filter(has_text=name)
        expect(metric).to_contain_text(value)
