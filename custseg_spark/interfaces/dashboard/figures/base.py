"""What all figures share: the report's colours, texts that plotly takes literally, a layout."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from custseg_spark.outputs.report import palette, words

# As the report's colour maps: the panel's colour is in the middle.
_DIVERGING = {
    "light": [[0.0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"],
              [1.0, "#b2182b"]],
    "dark": [[0.0, "#7fb2ee"], [0.25, "#2f5f8f"], [0.5, "#1b1f24"], [0.75, "#8f3f2a"],
             [1.0, "#ffb199"]],
}  # fmt: skip
FAINT = "rgba(128, 136, 144, 0.35)"
CONFIG = {"displayModeBar": False, "scrollZoom": False}


@dataclass(frozen=True)
class Look:
    """The colours of the visitor's theme."""

    theme: palette.Theme
    diverging: list[list[Any]]
    is_dark: bool

    @property
    def counts(self) -> list[list[Any]]:
        """A colour scale from none to many."""
        return [[0.0, self.theme.panel], [1.0, self.theme.strong]]


def look() -> Look:
    """The look of the theme that the visitor's browser shows."""
    is_dark = st.context.theme.type == "dark"
    theme = palette.DARK if is_dark else palette.LIGHT
    return Look(theme, _DIVERGING["dark" if is_dark else "light"], is_dark)


def literal(text: str, width: int = 0, lines: int = 2) -> str:
    """A text as plotly shows it, whatever markup it holds; wrapped to a width if one is given."""
    wrapped = words.wrapped(text, width, lines) if width else text
    return html.escape(wrapped, quote=False).replace("\n", "<br>")


def laid_out(figure: go.Figure, height: int, **more: Any) -> go.Figure:
    """The figure with the dashboard's margins, legend below, and no background of its own."""
    usual: Mapping[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.12, "x": 0},
        "hoverlabel": {"align": "left"},
        "dragmode": False,
    }
    figure.update_layout({**usual, **more})
    figure.update_xaxes(automargin=True, gridcolor=FAINT, zerolinecolor=FAINT)
    figure.update_yaxes(automargin=True, gridcolor=FAINT, zerolinecolor=FAINT)
    return figure


def show(figure: go.Figure, key: str) -> None:
    """Draws a figure at the width of its place; `key` tells it from others of the page."""
    st.plotly_chart(figure, width="stretch", config=CONFIG, key=key)
