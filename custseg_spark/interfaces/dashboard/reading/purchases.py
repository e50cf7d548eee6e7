"""A segment's lists of products, and seasons, as tables of a page."""

from collections.abc import Mapping, Sequence

import polars as pl

from custseg_spark.core.insights.purchases import CATEGORY, PRODUCT
from custseg_spark.outputs.report.affinity import named
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Affinity, Partner
from custseg_spark.outputs.report.seasons import columns, period_names

_OTHERS = ("category", "brand")
_COUNTS = {"customers": pl.Int64, "share": pl.Float64}
_LIFTS = {"lift": pl.Float64, "from": pl.Float64, "to": pl.Float64}
_PARTNERS = {"product": pl.String, "together with": pl.String, **_COUNTS, **_LIFTS}


def listed_rows(listed: Sequence[Affinity], kind: str) -> pl.DataFrame:
    """Return a row per entry of a segment's list: its name, its customers, its lift and interval.

    Without categories or brands in the log, their columns are left out.
    """
    rows = pl.DataFrame([_row(one, kind) for one in listed], infer_schema_length=None)
    empty = [name for name in _OTHERS if name in rows and rows[name].null_count() == len(rows)]
    return rows.drop([name for name in empty if name != kind])


def _row(one: Affinity, kind: str) -> Mapping[str, object]:
    others: dict[str, object] = {}
    if kind == PRODUCT:
        others = {"category": one.category_code, "brand": one.brand}
    elif kind == CATEGORY:
        others = {"id": one.name}
    everybody = None
    if one.all_customers is not None and one.all_buyers:
        everybody = one.all_customers / one.all_buyers
    return {
        kind: named(one),
        **others,
        "customers": one.customers,
        "share": one.support,
        "share of all": everybody,
        **_lift(one),
        "may be chance": not one.is_marking,
    }


def _lift(one: Affinity | Partner) -> Mapping[str, float | None]:
    return {"lift": one.lift, "from": one.lift_low, "to": one.lift_high}


def partner_rows(listed: Sequence[Affinity]) -> pl.DataFrame:
    """Return a row per listed product and partner of the same customers, in the lists' order."""
    rows = [
        {
            "product": one.name,
            "together with": partner.product_id,
            "customers": partner.customers,
            "share": partner.support,
            **_lift(partner),
        }
        for one in listed
        for partner in one.together
    ]
    return pl.DataFrame(rows, _PARTNERS)


def season_rows(content: Content, period: str) -> pl.DataFrame:
    """Return a row per month, week or weekday, of everybody and of each segment, by number."""
    shown, names = dict(columns(content)), period_names(period)
    places = {segment_id: place for place, segment_id in enumerate(shown)}
    rows = [one for one in content.season(period) if one.segment_id in shown]
    in_order = sorted(rows, key=lambda one: (places[one.segment_id], one.number))
    return pl.DataFrame(
        [
            {
                "segment": shown[one.segment_id],
                period: names[one.number - 1],
                "years": one.years,
                "days": one.days,
                "purchases": one.purchases,
                "revenue": None if one.revenue is None else float(one.revenue),
                "index of purchases": one.purchase_index,
                "index of revenue": one.revenue_index,
            }
            for one in in_order
        ],
        infer_schema_length=None,
    )
