"""Features and k: the preset, the curves over k, and the reasons for the chosen k."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from custseg_spark.config import loading, shipped
from custseg_spark.config.settings import Config
from custseg_spark.core.clustering import stability
from custseg_spark.core.clustering.sweep import Swept
from custseg_spark.errors import CustsegError
from custseg_spark.interfaces.dashboard.figures.base import laid_out, look, show
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.interfaces.dashboard.trying.remembering import remembered, toggled
from custseg_spark.pipeline import sampled_features
from custseg_spark.pipeline.k_curves import K_MAX, K_MIN, KCurves, k_curves

# Files below conf/presets by their names, for features that an upload of events can fill.
PRESETS = {
    "": "Behaviour: views, carts, purchases, prices, times",
    "rfm": "RFM: recency, frequency, monetary value",
    "sales": "Sales: orders without views and carts",
}
_MOST_HELD = 8


def preset_config(preset: str) -> Config:
    """Return the configuration of a preset, or the default one for the empty name."""
    if not preset:
        return Config()
    return loading.load(shipped.conf_dir() / "presets" / f"{_known_preset(preset)}.toml")


def _known_preset(preset: str) -> str:
    return next(name for name in PRESETS if name == preset)


def choose_preset(key: str) -> str:
    """Draw the choice of a preset and return it."""
    names, widget_key = list(PRESETS), f"{key}-preset"

    def draw(first: str) -> str:
        return st.radio(
            "Features", names, names.index(first), format_func=PRESETS.__getitem__, key=widget_key
        )

    return remembered(widget_key, "", draw)


@st.cache_resource(max_entries=_MOST_HELD, show_spinner="Measuring …")
def curves(sample: Path, _written: float, preset: str) -> KCurves:
    """Return the curves of a sample's file; `_written` identifies its version."""
    config = preset_config(preset)
    features = sampled_features.read(sample).features
    return k_curves(features, config.model, config.features.optional_families)


def choose_k(key: str, sample: Path, preset: str) -> int | None:
    """Draw the choice of k with the curves and return it; None: the job chooses."""
    try:
        measured = curves(sample, sample.stat().st_mtime, preset)
    except CustsegError as error:
        st.warning(plain(str(error)))
        return None
    preset_k = preset_config(preset).model.k
    usual = preset_k if preset_k and K_MIN <= preset_k <= K_MAX else measured.suggested
    is_left = toggled(f"{key}-auto-{preset}", "Let the job choose k among all customers")

    def draw(first: int) -> int:
        return st.slider(
            "Number of segments k", K_MIN, K_MAX, first, key=f"{key}-k-{preset}", disabled=is_left
        )

    k = remembered(f"{key}-k-{preset}", usual, draw)
    _charts(key, measured, None if is_left else k)
    _words(measured, k)
    return None if is_left else k


def _charts(key: str, measured: KCurves, k: int | None) -> None:
    curves_: dict[str, list[float | None]] = {
        "Inertia: low is tight": [one.inertia for one in measured.swept],
        "Silhouette: high is clear": [one.silhouette for one in measured.swept],
        "Stability: from 0.75 steady": [
            one.stability.mean if one.stability else None for one in measured.swept
        ],
    }
    ks = [one.k for one in measured.swept]
    for place, (title, values) in zip(st.columns(3), curves_.items(), strict=True):
        with place:
            _chart(key, title, ks, values, k)


def _chart(
    key: str, title: str, ks: Sequence[int], values: Sequence[float | None], k: int | None
) -> None:
    figure = go.Figure(go.Scatter(x=ks, y=values, mode="lines+markers", name=title))
    if k in ks:
        marker = {"size": 14, "color": look().theme.strong}
        chosen = values[ks.index(k)]
        figure.add_trace(go.Scatter(x=[k], y=[chosen], mode="markers", marker=marker, name="k"))
    figure.update_xaxes(title="k", dtick=1)
    st.caption(title)
    show(laid_out(figure, 230, showlegend=False), f"{key}-{title}")


def _words(measured: KCurves, k: int) -> None:
    one = next((each for each in measured.swept if each.k == k), None)
    if one is None:
        st.warning(f"There are fewer than {k} customers that differ.")
        return
    st.markdown(_measures(one))
    verdict = next(v for v in measured.verdicts if v.candidate.k == k)
    st.caption(
        plain(
            f"By the rules of a run: {verdict.why}. Curves of {measured.customers:,} customers with"
            f" the most events and {len(measured.features)} features"
            f" ({', '.join(measured.features)}); the job measures all customers."
        )
    )


def _measures(one: Swept) -> str:
    steady = f", stability {one.stability.mean:.2f} ({_word(one)})" if one.stability else ""
    return plain(
        f"k = {one.k}: silhouette {one.silhouette:.3f}{steady}, smallest segment"
        f" {one.candidate.smallest_share:.1%} of the customers"
    )


def _word(one: Swept) -> str:
    assert one.stability is not None
    return stability.word(one.stability.mean)
