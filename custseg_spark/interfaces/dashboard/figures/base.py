"""Parts of all figures: the report's colours, literal texts, a layout."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.report import palette, words

# Like the report's colour maps: the panel's colour is in the middle. Dark ends have light numbers.
_DIVERGING = {
    "light": ("#2166ac", "#92c5de", "#f7f7f7", "#f4a582", "#b2182b"),
    "dark": ("#2b7bd6", "#1f4a7a", "#1b1f24", "#7a3324", "#d6502b"),
}
_MANY = {"light": "#0072b2", "dark": "#1f78b4"}
FAINT = "rgba(128, 136, 144, 0.35)"
CONFIG = {"displayModeBar": False, "scrollZoom": False}


@dataclass(frozen=True)
class Look:
    """The colours of the visitor's theme.

    `numbers` is the colour of numbers in cells; None: plotly chooses.
    """

    theme: palette.Theme
    diverging: Sequence[tuple[float, str]]
    counts: Sequence[tuple[float, str]]
    numbers: str | None
    is_dark: bool


def look() -> Look:
    """Return the look of the visitor's theme."""
    is_dark = st.context.theme.type == "dark"
    theme, name = (palette.DARK, "dark") if is_dark else (palette.LIGHT, "light")
    diverging = [(place / 4, colour) for place, colour in enumerate(_DIVERGING[name])]
    counts = [(0.0, theme.panel), (1.0, _MANY[name])]
    return Look(theme, diverging, counts, theme.ink if is_dark else None, is_dark)


def literal(text: str, width: int = 0, lines: int = 2) -> str:
    """Escape a text so that plotly shows it literally; wrap it to a width if given."""
    wrapped = words.wrapped(text, width, lines) if width else text
    return html.escape(wrapped, quote=False).replace("\n", "<br>")


def laid_out(figure: go.Figure, height: int, **more: Any) -> go.Figure:
    """Return the figure with the dashboard's margins, the legend above, and no background."""
    usual: Mapping[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 16, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "hoverlabel": {"align": "left"},
        "dragmode": False,
    }
    figure.update_layout({**usual, **more})
    figure.update_xaxes(automargin=True, gridcolor=FAINT, zerolinecolor=FAINT)
    figure.update_yaxes(automargin=True, gridcolor=FAINT, zerolinecolor=FAINT)
    return figure


def diverging_cells(
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    strong: float,
    look: Look,
    *,
    colorbar: Mapping[str, Any] | None = None,
    **more: Any,
) -> go.Heatmap:
    """Return cells with their texts, coloured from -strong to strong; values beyond look alike."""
    return go.Heatmap(
        z=values,
        text=texts,
        texttemplate="%{text}",
        textfont={"color": look.numbers},
        colorscale=look.diverging,
        zmin=-strong,
        zmax=strong,
        xgap=1,
        ygap=1,
        colorbar={
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
            "thickness": 10,
            "len": 0.8,
            **(colorbar or {}),
        },
        **more,
    )


def titled(text: str) -> None:
    """Draw a figure's title, which wraps on a phone, unlike plotly's."""
    st.markdown(f"**{plain(text)}**")


def show(figure: go.Figure, key: str) -> None:
    """Draw a figure at the width of its place; `key` identifies it on the page."""
    st.plotly_chart(figure, width="stretch", config=CONFIG, key=key)
