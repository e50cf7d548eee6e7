"""What the dashboard's tests share."""

from dashboard_fixtures import address, browser, shown_lake

__all__ = ["address", "browser", "shown_lake"]
