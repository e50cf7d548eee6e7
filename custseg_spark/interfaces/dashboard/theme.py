"""The report's colours as Streamlit's theme, light and dark."""

from collections.abc import Mapping

# As in the report's style sheet.
_LIGHT = {
    "primaryColor": "#0072b2",
    "backgroundColor": "#f4f5f6",
    "secondaryBackgroundColor": "#ffffff",
    "textColor": "#1c2126",
    "borderColor": "#d5dade",
    "linkColor": "#0072b2",
}
_DARK = {
    "primaryColor": "#56b4e9",
    "backgroundColor": "#121519",
    "secondaryBackgroundColor": "#1b1f24",
    "textColor": "#e4e8ec",
    "borderColor": "#3c444d",
    "linkColor": "#6cb8ea",
}

# Fonts of the system: nothing is fetched from other servers.
_BOTH = {
    "font": "system-ui, sans-serif",
    "headingFont": "system-ui, sans-serif",
    "headingFontSizes": ["1.75rem", "1.3rem", "1.1rem", "1rem", "1rem", "1rem"],
}
# Streamlit leaves six rems above a page's title, and offers tables as CSV that a spreadsheet would
# execute.
STYLE = """<style>
[data-testid=stMainBlockContainer] { padding-top: 3.5rem; }
[data-testid=stElementToolbar] button[aria-label="Download as CSV"] { display: none; }
</style>"""

OPTIONS: Mapping[str, object] = {
    **{f"theme.{name}": value for name, value in _BOTH.items()},
    **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in _DARK.items()},
}
