"""The frame of each page: navigation, title, and messages instead of a page that fails."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from custseg_spark.engine.foreign_errors import translated
from custseg_spark.interfaces.dashboard.pages.registry import PAGES, Page
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.interfaces.dashboard.theme import STYLE
from custseg_spark.interfaces.dashboard.trying.lake_choice import lake_box

# A file of this package: an icon by name would be fetched from another server.
_ICON = Path(__file__).parent / "templates" / "icon.svg"


def show() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title="custseg", page_icon=str(_ICON), layout="wide")
    st.html(STYLE)
    shown = {
        path: st.Page(
            _within(page), title=page.title, icon=page.icon, url_path=path, default=not path
        )
        for path, page in PAGES.items()
    }
    # For pages that lead to another one.
    st.session_state["pages"] = shown
    lake_box()
    st.navigation(list(shown.values())).run()


def _within(page: Page) -> Callable[[], None]:
    def run() -> None:
        st.title(page.title)
        try:
            page.show()
        except Exception as error:
            ours = translated(error)
            if ours is None:
                raise
            st.error(plain(str(ours)), icon=":material/error:")

    return run
