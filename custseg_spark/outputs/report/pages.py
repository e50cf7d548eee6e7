"""The report as Markdown, as one self-contained HTML file, and the CSV beside them."""

import base64
import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from custseg_spark.outputs.report import choice, words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.sections import sections

# Markdown's markup characters, to be escaped in names and reasons from tables.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")


def html(content: Content, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    """Render the HTML page, with pictures for a light and a dark screen inside."""
    environment = _environment(autoescape=True)
    environment.filters["base64"] = lambda png: base64.b64encode(png).decode("ascii")
    template = environment.get_template("cluster_report.html.j2")
    return template.render(**_template_values(content, light), light=light, dark=dark)


def markdown(content: Content, pictures: Mapping[str, bytes]) -> str:
    """Render the report as Markdown, with the pictures as files beside it."""
    # Only values of expressions are escaped, so that the template's own markup stays.
    environment = _environment(autoescape=False, finalize=_escaped)
    text = environment.get_template("cluster_report.md.j2").render(
        **_template_values(content, pictures)
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def selection_csv(content: Content) -> str:
    """Write the rows of `model_selection` with all digits; null is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(content.selection_columns)
    for row in content.selection_rows:
        writer.writerow([str(v).lower() if isinstance(v, bool) else v for v in row])
    return buffer.getvalue()


def _template_values(content: Content, drawn: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "content": content,
        "run": content.run,
        "ledger": content.ledger,
        "sections": sections(content, drawn),
        "reason": choice.reason(content, content.main),
        "evidence": choice.evidence,
        "words": words,
    }


def _environment(**more: Any) -> Environment:
    return Environment(
        loader=PackageLoader("custseg_spark.outputs.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **more,
    )


def _escaped(value: object) -> str:
    """Put text on one line and escape its markup, unless a template calls it safe."""
    if hasattr(value, "__html__"):
        return str(value)
    return _MARKUP.sub(r"\\\1", " ".join(str(value).split()))
