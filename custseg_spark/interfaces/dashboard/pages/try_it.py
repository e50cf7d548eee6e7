"""Try a file: upload it, mend its mapping, choose features and k, run the job, look at it."""

from importlib.util import find_spec

import streamlit as st

from custseg_spark.interfaces.dashboard.trying.desk import desk


def show() -> None:
    """Draw the page, if files can be tried."""
    at = desk()
    if at is None:
        st.info(
            "Files can't be tried here: the dashboard was started with --no-tries, or may not write"
            " beside the lake (--tries DIR names another folder)."
        )
        return
    if find_spec("pyspark") is None:
        st.info("The job needs Spark: pip install 'custseg-spark[spark]'")
        return
    # Imported here: it imports Spark's Python side, which other pages don't need.
    from custseg_spark.interfaces.dashboard.trying.page import show_for

    show_for(at)
