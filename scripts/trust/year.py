"""A shop's year with planted changes, as session parts: what each customer is in each week.

Groups survive, are born, die, split and merge at their weeks; single customers change groups at
weeks of their own. Counts of events are Poisson's, each customer's rates their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.events.schema import EVENTS
from custseg_spark.core.sessions.parts import session_parts

WEEKS, HISTORY = 52, 6  # weekly run dates, and weeks of events before the first
START = date(2021, 1, 4)
BIRTH, DEATH, SPLIT, MERGE = 12, 22, 31, 41
# Events and purchases a week, and the price of each.
HABITS: Mapping[str, tuple[float, float, float]] = {
    "regular": (4.0, 1.2, 50.0),
    "browser": (24.0, 0.0, 50.0),
    "quiet": (0.7, 0.0, 50.0),
    "bargain": (14.0, 8.0, 0.4),
    "heavy": (60.0, 25.0, 60.0),
    "convert": (24.0, 6.0, 60.0),
}
SIZES = {"regular": 300, "browser": 320, "quiet": 400, "bargain": 160, "heavy": 140}
_CHANGES = 90  # customers who change groups by themselves
_OWN = 0.2  # the standard deviation of the logarithm of a customer's own rate


@dataclass(frozen=True)
class Year:
    """The session parts; `kinds` holds each customer's group by week, "" before the first.

    `changes` are the customers who changed groups by themselves, and in which week.
    """

    parts: pa.Table
    customers: list[str]
    kinds: np.ndarray
    changes: Mapping[int, int]

    def run_date(self, week: int) -> date:
        """The date of a run: it sees the events of the weeks up to and with this one."""
        return START + timedelta(weeks=week + 1)


def planted(rng: np.random.Generator) -> tuple[np.ndarray, dict[int, int]]:
    """Each customer's group by week (customers x weeks), and who changes when by themselves."""
    weeks = HISTORY + WEEKS
    kinds = np.repeat(np.array(list(SIZES), dtype=object), list(SIZES.values()))
    of_week = np.repeat(kinds[:, None], weeks, axis=1)
    of_week[kinds == "heavy", : HISTORY + BIRTH] = ""
    of_week[kinds == "bargain", HISTORY + DEATH :] = "quiet"
    half = np.flatnonzero(kinds == "browser")[::2]
    of_week[half, HISTORY + SPLIT : HISTORY + MERGE] = "convert"
    movable = np.flatnonzero(np.isin(kinds, ["regular", "quiet"]))
    changes = {}
    for customer in rng.choice(movable, _CHANGES, replace=False).tolist():
        week = HISTORY + int(rng.integers(4, WEEKS - 8))
        other = "browser" if kinds[customer] == "regular" else "regular"
        of_week[customer, week:] = other
        changes[customer] = week
    return of_week, changes


def year(seed: int = 11, weeks: int = WEEKS) -> Year:
    """The year of a seed, with the events of its first weeks."""
    rng = np.random.default_rng(seed)
    kinds, changes = planted(rng)
    customers = [f"c{number:05}" for number in range(len(kinds))]
    rates = np.exp(rng.normal(0, _OWN, len(kinds)))
    parts = []
    for week in range(HISTORY + weeks):
        for day, events in _days(week, kinds[:, week], rates, customers, rng):
            days = pa.repeat(pa.scalar(day, pa.date32()), len(made := session_parts(events)))
            parts.append(made.append_column("session_date", days))
    return Year(pa.concat_tables(parts), customers, kinds, changes)


def _days(
    week: int, kinds: np.ndarray, rates: np.ndarray, customers: list[str], rng: np.random.Generator
) -> list[tuple[date, pl.DataFrame]]:
    """The events of a week by day, in the columns that session parts are made of."""
    habits = np.array([HABITS.get(kind, (0.0, 0.0, 1.0)) for kind in kinds])
    buys = rng.poisson(habits[:, 1] * rates)
    views = rng.poisson(np.maximum(habits[:, 0] - habits[:, 1], 0) * rates)
    who = np.repeat(np.arange(len(kinds)), views + buys)
    first = np.cumsum(views + buys) - views - buys
    is_buy = np.arange(len(who)) - first[who] < buys[who]
    begin = START + timedelta(weeks=week - HISTORY)
    seconds = rng.integers(0, 7 * 86_400, len(who))
    at = datetime.combine(begin, datetime.min.time(), UTC)
    cents = np.round(habits[who, 2] * rng.uniform(80, 120, len(who))).astype(np.int64)
    ids = pl.Series(customers).gather(who)
    events = pl.DataFrame(
        {
            "event_at": pl.Series(seconds * 1_000_000).cast(pl.Duration("us")) + at,
            "customer_id": ids,
            "event_type": np.where(is_buy, "purchase", "view"),
            "product_id": pl.Series(rng.integers(0, 50, len(who))).cast(pl.String),
            "unit_price": (pl.Series(cents) * 100).cast(pl.Decimal(18, 0)) / 10_000,
            "quantity": np.ones(len(who), dtype=np.int64),
            "discount": np.zeros(len(who)),
        }
    ).with_columns(
        pl.col("event_at").dt.date().alias("event_date"),
        (pl.col("customer_id") + "-" + pl.col("event_at").dt.date().cast(pl.String)).alias(
            "session_id"
        ),
    )
    whole = events.select(
        (pl.col(n) if n in events.columns else pl.lit(None)).cast(t).alias(n)
        for n, t in EVENTS.items()
    )
    return [(day, rates) for (day,), rates in whole.group_by("event_date", maintain_order=True)]
