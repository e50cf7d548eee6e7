"""The run at a glance: its warnings, its ledger, its segments."""

import streamlit as st

from custseg_spark.interfaces.dashboard.lake import open_lake


def show() -> None:
    """Draws the page."""
    st.write(f"{len(open_lake().run_ids())} runs")
