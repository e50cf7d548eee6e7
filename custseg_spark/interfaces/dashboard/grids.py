"""Tables of pages: dates as days, whole numbers with separators, shares in percent."""

from collections.abc import Mapping, Sequence

import polars as pl
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

_DAY, _TIME = "YYYY-MM-DD", "YYYY-MM-DD HH:mm"


def show_rows(rows: pl.DataFrame, *, shares: Sequence[str] = (), decimals: int = 2) -> None:
    """Draw a table; `shares` are columns from 0 to 1, `decimals` the places of other fractions."""
    in_percent = rows.with_columns(pl.col(name) * 100 for name in shares)
    columns = {
        name: _column(dtype, name in shares, decimals) for name, dtype in in_percent.schema.items()
    }
    configured = {name: column for name, column in columns.items() if column is not None}
    st.dataframe(in_percent, hide_index=True, width="stretch", column_config=configured)


def _column(dtype: pl.DataType, is_share: bool, decimals: int) -> ColumnConfig | None:
    if is_share:
        return st.column_config.NumberColumn(format="%.1f %%")
    if dtype == pl.Date:
        return st.column_config.DateColumn(format=_DAY)
    if isinstance(dtype, pl.Datetime):
        return st.column_config.DatetimeColumn(format=_TIME)
    if dtype.is_integer():
        return st.column_config.NumberColumn(format="localized")
    return st.column_config.NumberColumn(format=f"%.{decimals}f") if dtype.is_float() else None


def show_texts(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table of formatted texts, as in the report."""
    names = distinct(head)
    st.dataframe(
        pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows]),
        hide_index=True,
        width="stretch",
    )


def distinct(names: Sequence[str]) -> list[str]:
    """Make column names unique: two segments may have the same name."""
    counts: dict[str, int] = {}
    unique = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        unique.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return unique


def chosen_part(parts: Mapping[str, object], key: str) -> str:
    """Draw the choice of a page's part, so that only visible parts are read."""
    first = next(iter(parts))
    chosen = st.segmented_control(
        "Part", list(parts), default=first, label_visibility="collapsed", key=key
    )
    # A second click on the chosen part deselects it.
    return chosen or first
