"""Write the data dictionary of `customer_features` from the registry of features."""

from collections.abc import Iterable

from custseg_spark.core.clv.columns import CLV_DOCS
from custseg_spark.core.features.demographics import DEMOGRAPHICS
from custseg_spark.core.features.registry import FAMILIES, OPTIONAL_FAMILIES
from custseg_spark.core.features.scores import SCORE_DOCS

_INTRODUCTION = """\
# Data dictionary: `customer_features`

Written by `python scripts/reference_pages.py`; a test holds it to the code.

One row a customer and run date. Everything is as of `run_date` 00:00 UTC: no event at or after
it counts. Days are UTC days, money is in the source's currency. A ratio is 0 where its
denominator is 0, unless the text says null. Entropies are in nats (natural logarithm), the
standard deviation is the population's, purchases and returns are netted only where said.
Sessions are the source's; else orders; else they end after 30 minutes without an event.
"""
_WHEN = {
    **dict.fromkeys(OPTIONAL_FAMILIES, " (optional family; null unless it is asked for)"),
    DEMOGRAPHICS: " (null unless the lake has `customers`; attributes as they are now)",
}
_GROUP_DOC = (
    "Champions, Loyal, Active, Needs Attention, Promising, New, Previously Loyal, At Risk, Almost"
    " Lost or Dormant, by `rfm_r` and the mean of `rfm_f` and `rfm_m` rounded up; Prospects: never"
    " bought."
)


def markdown() -> str:
    """Write the dictionary as Markdown: a table for each family."""
    parts = [_INTRODUCTION]
    for name, family in {**FAMILIES, **OPTIONAL_FAMILIES}.items():
        parts.append(f"## {name}{_WHEN.get(name, '')}\n")
        rows = [(f.name, f.type, f.doc) for f in family.features]
        if name == "rfm":
            rows += [(score, type_, doc) for score, (type_, doc) in SCORE_DOCS.items()]
            rows.append(("rfm_group", "string", _GROUP_DOC))
        parts.append(_table(rows))
    parts.append("## clv (buyers, by the models in `clv_models`)\n")
    parts.append(_table([(name, type_, doc) for name, (type_, doc) in CLV_DOCS.items()]))
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| `{column}` | {type_} | {doc} |" for column, type_, doc in rows]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *lines]) + "\n"
