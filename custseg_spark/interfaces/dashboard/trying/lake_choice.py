"""The visitor's choice of a lake: the dashboard's own, or a try's."""

from pathlib import Path

import streamlit as st

from custseg_spark.interfaces.dashboard.settings import current
from custseg_spark.interfaces.dashboard.trying.desk import Try, tries_with_lakes

_KEY = "lake"
_OWN = ""


def chosen_lake() -> Path:
    """Return the folder of the chosen lake."""
    one = tries_with_lakes().get(chosen_id())
    return one.lake if one else current().lake


def chosen_id() -> str:
    """Return the id of the chosen lake's try, empty for the dashboard's own lake."""
    return str(st.session_state.get(_KEY, _OWN))


def choose(one: Try) -> None:
    """Choose the lake that a try has filled."""
    st.session_state[_KEY] = one.id if one.own_lake else _OWN


def lake_box() -> None:
    """Draw the choice of the lake beside the pages; nothing if there is only one."""
    tries = tries_with_lakes()
    if chosen_id() not in tries:
        st.session_state[_KEY] = _OWN
    if tries:
        names = {_OWN: current().lake.name}
        names |= {id_: f"{one.name}, {one.at}" for id_, one in tries.items()}
        st.sidebar.selectbox("Lake", list(names), format_func=names.__getitem__, key=_KEY)
