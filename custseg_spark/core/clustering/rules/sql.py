"""Rules as SQL: a condition over `customer_features`, and one CASE of all segments."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from custseg_spark.core.clustering.rules.tree import Interval, LeafRule
from custseg_spark.errors import ConfigurationError, nearest

# The suffix of a number with a fraction, so that SQL compares it as a double.
_DOUBLE = {"spark": "{}D", "duckdb": "{}::DOUBLE", "postgres": "{}::double precision"}
DIALECTS = tuple(_DOUBLE)


def condition(
    rules: Sequence[LeafRule], null_values: Mapping[str, float], dialect: str = "spark"
) -> str:
    """Return the condition that exactly the customers of these leaves meet.

    The columns are those of `customer_features`. A missing value counts as its `null_values`;
    columns without one are never null.
    """
    leaves = [_leaf(rule, null_values, dialect) for rule in rules]
    return leaves[0] if len(leaves) == 1 else " OR ".join(f"({leaf})" for leaf in leaves)


def little_known_sql(known_from: int) -> str:
    """Return the condition that customers of too little known meet."""
    return f"event_count < {known_from} AND frequency = 0"


def case(conditions: Sequence[tuple[str, int]], alias: str = "segment_id") -> str:
    """Return one CASE of conditions and ids; the first condition that is met counts."""
    lines = [f"  WHEN {text} THEN {segment_id}" for text, segment_id in conditions]
    return "\n".join(["CASE", *lines, f"END AS {alias}"])


def require_dialect(dialect: str) -> None:
    """Raise ConfigurationError for an unknown dialect."""
    if dialect not in DIALECTS:
        raise ConfigurationError(
            f"--dialect {dialect}: expected {', '.join(DIALECTS)}{nearest(dialect, DIALECTS)}"
        )


def _leaf(rule: LeafRule, null_values: Mapping[str, float], dialect: str) -> str:
    parts = [p for i in rule.intervals for p in _interval(i, null_values.get(i.feature), dialect)]
    return " AND ".join(parts) if parts else "TRUE"


def _interval(interval: Interval, null_value: float | None, dialect: str) -> list[str]:
    # A comparison with null isn't met; so the null value matters only where it meets the interval.
    column = interval.feature
    if null_value is not None and interval.holds(null_value):
        column = f"COALESCE({column}, {literal(null_value, dialect)})"
    limits = ((">=", interval.lower), ("<", interval.upper))
    return [f"{column} {sign} {literal(v, dialect)}" for sign, v in limits if v is not None]


def literal(value: float, dialect: str) -> str:
    """Write a number so that the dialect reads the same double."""
    if value == int(value):
        return str(int(value))
    return _DOUBLE[dialect].format(format(Decimal(repr(value)), "f"))
