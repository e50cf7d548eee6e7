"""Choices that stay while their page isn't drawn, for example while a job runs.

Streamlit forgets a widget that a run of the script doesn't draw.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

T = TypeVar("T")


def remembered(key: str, usual: T, draw: Callable[[T], T]) -> T:
    """Draw the widget `key` with its last choice, at first `usual`; return its value.

    The argument of `draw` stays the same as long as the widget is drawn: another default would make
    it another widget.
    """
    first, last = f"first {key}", f"last {key}"
    if key not in st.session_state:
        st.session_state[first] = st.session_state.get(last, usual)
    value: T = draw(st.session_state.get(first, usual))
    st.session_state[last] = value
    return value


def selected(
    place: DeltaGenerator,
    label: str,
    options: Sequence[T],
    usual: T,
    key: str,
    shown: Callable[[T], str] = str,
) -> T:
    """Draw a select box that remembers; return its value."""

    def draw(first: T) -> T:
        index = options.index(first) if first in options else 0
        value: T = place.selectbox(label, options, index=index, format_func=shown, key=key)
        return value

    return remembered(key, usual, draw)


def toggled(key: str, label: str, explanation: str | None = None) -> bool:
    """Draw a switch that remembers, off at first; return whether it is on."""
    return remembered(key, False, lambda first: st.toggle(label, first, key=key, help=explanation))
