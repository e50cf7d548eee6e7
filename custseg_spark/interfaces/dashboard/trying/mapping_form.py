"""The form for correcting the guessed mapping, and the mapping's result on records."""

from collections import Counter
from collections.abc import Mapping, Sequence
from zoneinfo import available_timezones

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from custseg_spark.core.events.schema import EVENT_TYPES
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS
from custseg_spark.core.mappings.shapes import Shape
from custseg_spark.core.mappings.vocabularies import IGNORED
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.interfaces.dashboard.trying.mending import Look, Mended, first_choice
from custseg_spark.interfaces.dashboard.trying.remembering import remembered, selected
from custseg_spark.pipeline.preview import Preview

_UNUSED = ""
_WORDS = {
    _UNUSED: "not used",
    "event_at": "event_at: when it happened",
    "event_type": "event_type: view, cart, purchase, return",
    "customer_id": "customer_id: who",
    "product_id": "product_id",
    "category_id": "category_id",
    "category_code": "category_code: the category's name",
    "brand": "brand",
    "unit_price": "unit_price",
    "quantity": "quantity",
    "discount": "discount",
    "net_amount": "net_amount: to check the price by",
    "session_id": "session_id: the visit",
    "order_id": "order_id",
    "store": "store",
}
_TYPES = ("", *EVENT_TYPES, IGNORED)
_TYPE_WORDS = {"": "unknown: refused", IGNORED: "ignored: not wanted"}
# Side by side on a wide screen, one below the other on a phone.
_ABREAST = 3
_EXAMPLES = 2


def mapping_form(key: str, seen: Look) -> Mended:
    """Draw the form, with the guess as its first choice.

    ConfigurationError for a role given twice.
    """
    first = first_choice(seen)
    roles = _roles(key, seen.shapes, {s: c for c, s in first.roles.items()})
    left, middle, right = st.columns(3)
    formats: Sequence[str] = ()
    if "event_at" in roles:
        formats = _formats(key, left, seen, first, roles["event_at"])
    zones = sorted(available_timezones())
    zone = selected(middle, "Times without a zone are of", zones, "UTC", f"{key}-zone")
    share = _share(f"{key}-share", right, first.share)
    event_type, types = "", None
    if "event_type" in roles:
        types = _types(key, seen.types(roles["event_type"]))
    else:
        label, usual = "No column is the event's type: every record is a", first.event_type
        place = st.container()
        event_type = selected(place, label, EVENT_TYPES, usual or "purchase", f"{key}-type")
    return Mended(roles, formats, event_type, types, zone, share)


def _share(key: str, place: DeltaGenerator, usual: float) -> float:
    def draw(first: float) -> float:
        return place.number_input(
            "Records that may be refused, in %",
            min_value=0.0,
            max_value=100.0,
            value=first,
            key=key,
            help="With more of them refused the job ends, and nothing is in the lake.",
        )

    return remembered(key, 100 * usual, draw) / 100


def _roles(key: str, shapes: Sequence[Shape], guessed: Mapping[str, str]) -> dict[str, str]:
    options = (_UNUSED, *EVENT_COLUMNS)
    chosen: list[tuple[str, str]] = []
    for number, (place, shape) in enumerate(zip(_places(len(shapes)), shapes, strict=True)):
        label, usual = plain(shape.name), guessed.get(shape.name, _UNUSED)
        label = label or "a column without a name"
        role = selected(place, label, options, usual, f"{key}-role-{number}", _WORDS.__getitem__)
        place.caption(plain(_looks(shape)))
        if role:
            chosen.append((role, shape.name))
    twice = [role for role, count in Counter(role for role, _ in chosen).items() if count > 1]
    if twice:
        columns = " and ".join(f"'{name}'" for role, name in chosen if role == twice[0])
        raise ConfigurationError(f"{twice[0]} is chosen for {columns}; expected one column")
    return dict(chosen)


def _looks(shape: Shape) -> str:
    examples = ", ".join(" ".join(e.split())[:24] for e in shape.examples[:_EXAMPLES])
    blank = f"; {shape.blank_share:.0%} blank" if shape.blank_share else ""
    return f"{', '.join(shape.patterns) or shape.kind}{blank}: {examples}"


def _formats(
    key: str, place: DeltaGenerator, seen: Look, first: Mended, column: str
) -> Sequence[str]:
    possible = seen.formats(column)
    is_guessed = column == first.roles.get("event_at")
    usual = [f for f in (first.formats if is_guessed else possible) if f]
    widget_key = f"{key}-formats-{column}"

    def draw(chosen: list[str]) -> list[str]:
        return place.multiselect(
            "Times are written as",
            list(dict.fromkeys([*chosen, *possible])),
            default=chosen,
            accept_new_options=True,
            key=widget_key,
            help="Patterns such as yyyy-MM-dd HH:mm:ss or M/d/yyyy; another one can be typed.",
        )

    formats: list[str] = remembered(widget_key, usual, draw)
    return tuple(formats)


def _types(key: str, guessed: Mapping[str, str]) -> dict[str, str]:
    st.caption("What each value of the event's type means")
    return {
        value: selected(place, plain(value), _TYPES, kind, f"{key}-means-{value}", _type_words)
        for place, (value, kind) in zip(_places(len(guessed)), guessed.items(), strict=True)
    }


def _type_words(kind: str) -> str:
    return _TYPE_WORDS.get(kind, kind)


def _places(count: int) -> list[DeltaGenerator]:
    rows = [st.columns(_ABREAST) for _ in range(0, count, _ABREAST)]
    return [place for row in rows for place in row][:count]


def verdict(tried: Preview, share: float, looked_at: int, is_whole: bool) -> None:
    """Draw how many of the first records pass, the reasons of the others, and the first events."""
    counts = {
        "accepted": tried.accepted,
        "refused": tried.refused,
        "copies": tried.duplicates,
        "ignored": tried.ignored,
    }
    with st.container(horizontal=True, gap="large"):
        for name, count in counts.items():
            st.metric(name, f"{count:,}", width="content")
    whole = "all" if is_whole else "the first"
    st.caption(f"of {whole} {looked_at:,} records; {tried.refused_share:.1%} are refused")
    if tried.refused_share > share:
        st.warning(f"More than {share:.1%} of these records are refused: the job would end.")
    if tried.reasons:
        reasons = [(r.code, r.field, r.records, r.row, r.value, r.expected) for r in tried.reasons]
        names = ["reason", "field", "records", "first row", "its value", "expected"]
        st.dataframe(pl.DataFrame(reasons, schema=names, orient="row"), hide_index=True)
    if tried.first:
        with st.expander("The first events", expanded=not tried.reasons):
            st.dataframe(pl.DataFrame(list(tried.first)), hide_index=True)
