"""The section about what segments buy: products, categories and brands by lift."""

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Affinity, Segment
from custseg_spark.outputs.report.section import Grid, Section

# A page has room for so many places of a list; the tables have them all.
MOST_PRODUCTS, MOST_OTHERS = 3, 2
_KINDS = {"category": "categories", "brand": "brands"}


def bought(content: Content) -> Section:
    """List what each segment's customers buy more often than everybody."""
    title = "What they buy"
    if not any(a.algorithm == content.main for a in content.affinities):
        return Section("products", title, [_nothing(content)])
    basis = content.run.setting("affinity", "basis")
    days = content.run.setting("affinity", "window_days")
    confidence = content.run.setting("affinity", "confidence")
    what = "had any event with" if basis == "events" else "bought"
    percent = words.percent(confidence).replace(".0 ", " ")
    text = [
        f"What a segment's customers {what} more often than all customers in the {days} days"
        " before the run date. Customers count once. Lift: the share of the segment's buyers over"
        " the share"
        f" of all buyers, with its {percent} interval; lists are in the order of"
        " its lower end, and an interval that begins below 1 may be chance. segment_products and"
        " segment_categories have longer lists."
    ]
    others = [_others(content, kind) for kind in _KINDS]
    return Section(
        "products", title, text, (), [_products(content), *(g for g in others if g.rows)]
    )


def _nothing(content: Content) -> str:
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
            *_first(segment, one),
            one.category_code or words.MISSING,
            one.brand or words.MISSING,
            *_figures(one),
            _together(one),
        ]
        for segment in content.segments
        for one in content.listed(segment.segment_id, "product")[:MOST_PRODUCTS]
    ]
    return Grid(
        "Products", head, rows, _colours(content, "product", MOST_PRODUCTS), frozenset({1, 2, 3, 7})
    )


def _others(content: Content, kind: str) -> Grid:
    rows = [
        [*_first(segment, one), *_figures(one)]
        for segment in content.segments
        for one in content.listed(segment.segment_id, kind)[:MOST_OTHERS]
    ]
    head = ["segment", kind, "customers", "share", "lift"]
    colours = _colours(content, kind, MOST_OTHERS)
    return Grid(_KINDS[kind].capitalize(), head, rows, colours, frozenset({1}))


def _colours(content: Content, kind: str, most: int) -> list[str]:
    return [
        content.styles[segment.segment_id].colour
        for segment in content.segments
        for _ in content.listed(segment.segment_id, kind)[:most]
    ]


def _first(segment: Segment, one: Affinity) -> list[str]:
    """Name the segment, and what is listed: a category by its code, where it has one."""
    is_coded = one.kind == "category" and one.category_code
    return [segment.segment_name, str(one.category_code if is_coded else one.name)]


def _figures(one: Affinity) -> list[str]:
    ends = f"{words.ratio(one.lift_low)} to {words.ratio(one.lift_high)}"
    return [
        words.count(one.customers),
        words.percent(one.support),
        f"{words.ratio(one.lift)} ({ends})",
    ]


def _together(one: Affinity) -> str:
    listed = [f"{p.product_id} ({words.percent(p.support)})" for p in one.together]
    return ", ".join(listed) or words.MISSING
