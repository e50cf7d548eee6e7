"""The section about what segments buy: products, categories and brands by lift."""

from collections.abc import Sequence

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Affinity, Segment
from custseg_spark.outputs.report.section import Grid, Section

# A page has room for so many entries of a list; the tables have all.
MOST_PRODUCTS, MOST_OTHERS = 3, 2
_KINDS = {"category": "categories", "brand": "brands"}


def bought(content: Content) -> Section:
    """List what each segment's customers buy more often than everybody."""
    title = "What they buy"
    if not any(a.algorithm == content.main for a in content.affinities):
        return Section("products", title, [nothing(content)])
    text = [
        f"{measured(content)} Lists are in the order of the interval's lower end; an interval that"
        " reaches down to 1 may be chance and isn't listed here. segment_products and"
        " segment_categories have those, and longer lists.",
        *_unmarked(content),
    ]
    grids = [_products(content), *(_others(content, kind) for kind in _KINDS)]
    return Section("products", title, text, (), [grid for grid in grids if grid.rows])


def measured(content: Content) -> str:
    """Explain the counts, their days, and lift."""
    basis = content.run.setting("affinity", "basis")
    days = content.run.setting("affinity", "window_days")
    confidence = content.run.setting("affinity", "confidence")
    verb = "had any event with" if basis == "events" else "bought"
    interval = "interval" if confidence is None else f"{_whole_percent(confidence)} interval"
    before = "before the run date" if days is None else f"in the {days} days before the run date"
    return (
        f"What a segment's customers {verb} more often than all customers {before}. Customers"
        " count once. Lift: the share of the segment's buyers over the share of all buyers, with"
        f" its {interval}."
    )


def _whole_percent(share: float) -> str:
    return words.percent(share).replace(".0 ", " ")


def _unmarked(content: Content) -> list[str]:
    """Name the segments without a marking product; nothing if each has one."""
    names = [s.segment_name for s in content.segments if not marking(content, s, "product")]
    if not names:
        return []
    return [f"No product marks {words.joined(names)}: what they buy, all buy as often."]


def marking(content: Content, segment: Segment, kind: str) -> Sequence[Affinity]:
    """Return the entries of a segment's list whose interval lies above 1, in order."""
    return [entry for entry in content.listed(segment.segment_id, kind) if entry.is_marking]


def nothing(content: Content) -> str:
    """Say why there are no lists."""
    if content.run.setting("affinity") is None:
        return "The run was made by an older version, which made no lists of products."
    if content.run.setting("affinity", "enabled") is False:
        return "The run made no lists of products (affinity.enabled)."
    least = content.run.setting("affinity", "min_customers")
    return (
        "No product, category or brand was bought by enough customers of a segment"
        f" ({words.MISSING if least is None else least}, affinity.min_customers), and more often"
        " than by everybody."
    )


def _products(content: Content) -> Grid:
    head = ["segment", "product", "category", "brand", "customers", "share", "lift", "the same"
            " customers have"]  # fmt: skip
    rows = [
        [
            segment.segment_name,
            named(entry),
            entry.category_code or words.MISSING,
            entry.brand or words.MISSING,
            *_figures(entry),
            _together(entry),
        ]
        for segment in content.segments
        for entry in marking(content, segment, "product")[:MOST_PRODUCTS]
    ]
    return Grid(
        "Products", head, rows, _colours(content, "product", MOST_PRODUCTS), frozenset({1, 2, 3, 7})
    )


def _others(content: Content, kind: str) -> Grid:
    rows = [
        [segment.segment_name, named(entry), *_figures(entry)]
        for segment in content.segments
        for entry in marking(content, segment, kind)[:MOST_OTHERS]
    ]
    head = ["segment", kind, "customers", "share", "lift"]
    colours = _colours(content, kind, MOST_OTHERS)
    return Grid(_KINDS[kind].capitalize(), head, rows, colours, frozenset({1}))


def _colours(content: Content, kind: str, most: int) -> list[str]:
    return [
        content.styles[segment.segment_id].colour
        for segment in content.segments
        for _ in marking(content, segment, kind)[:most]
    ]


def named(entry: Affinity) -> str:
    """Name an entry: a category by its code, if it has one."""
    is_coded = entry.kind == "category" and entry.category_code
    return str(entry.category_code if is_coded else entry.name)


def _figures(entry: Affinity) -> list[str]:
    ends = f"{words.ratio(entry.lift_low)} to {words.ratio(entry.lift_high)}"
    return [
        words.count(entry.customers),
        words.percent(entry.support),
        f"{words.ratio(entry.lift)} ({ends})",
    ]


def _together(entry: Affinity) -> str:
    listed = [f"{p.product_id} ({words.percent(p.support)})" for p in entry.together]
    return ", ".join(listed) or words.MISSING
