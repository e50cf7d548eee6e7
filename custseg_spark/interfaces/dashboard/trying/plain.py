"""Texts of visitors and files in Streamlit's texts, which are Markdown: shown as they are."""

import re

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&@])")


def plain(text: str) -> str:
    """The text with each sign of Markdown escaped: no link, picture or formula comes of it."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def bytes_text(size: int) -> str:
    """A size for people: 3.4 MiB."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
