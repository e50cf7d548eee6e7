"""Texts of tables and visitors within pages, shown literally even if they have markup."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.choice import evidence

# The first characters of Streamlit's Markdown, directives and formulas. An underscore within a word
# is no markup, and labels are also read aloud.
_MARKUP = re.compile(r"([\\`*{}\[\]()<>#+\-.!|~$:]|(?<![^\W_])_|_(?![^\W_]))")
# Templates escape all values.
_TEMPLATES = Environment(
    loader=PackageLoader("custseg_spark.interfaces.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def plain(text: str) -> str:
    """Return a text on one line, escaped for Streamlit's Markdown."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def rendered(template: str, **values: Any) -> str:
    """Render a template as HTML; it may use the report's `words` and `evidence`."""
    return _TEMPLATES.get_template(template).render(words=words, evidence=evidence, **values)


def bytes_text(size: int) -> str:
    """Format a size: 3.4 MiB."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
