"""When in the year a customer buys: an optional family, as it takes a log of a year or more.

Months and quarters are the calendar's in UTC. The holidays come from `seasons.holidays`.
"""

import numpy as np

from custseg_spark.core.features.exact import Doubles
from custseg_spark.core.features.feature import Family, Feature, Value, ratio_or_null
from custseg_spark.core.features.months import month_numbers
from custseg_spark.core.features.totals import Totals

SEASONAL = "seasonal"


def _quarter_share(quarter: int) -> Value:
    def share(totals: Totals) -> Doubles:
        bought = totals.purchases_on(lambda days: month_numbers(days) % 12 // 3 == quarter - 1)
        return ratio_or_null(bought, totals.total("purchase_count"))

    return share


def _month_regularity(totals: Totals) -> Doubles:
    months = totals.purchase_months
    last = int(month_numbers(np.array([totals.as_of_day - 1]))[0])
    bought = months.distinct()
    span = np.where(bought > 0, last + 1 - months.smallest_key(), 0)
    return ratio_or_null(bought, span)


def _holiday_share(totals: Totals) -> Doubles:
    return ratio_or_null(
        totals.purchases_on(totals.calendar.covers), totals.total("purchase_count")
    )


FAMILY = Family(
    SEASONAL,
    (
        *(
            Feature(
                f"quarter_{quarter}_share",
                "double",
                f"Purchases in the {months} / purchase_count. Null: never bought.",
                _quarter_share(quarter),
                null="median",
            )
            for quarter, months in enumerate(
                (
                    "months January to March",
                    "months April to June",
                    "months July to September",
                    "months October to December",
                ),
                start=1,
            )
        ),
        Feature(
            "month_regularity",
            "double",
            "Calendar months with a purchase / calendar months from that of the first purchase to"
            " that of the day before the run date. Null: never bought.",
            _month_regularity,
            null="median",
        ),
        Feature(
            "holiday_share",
            "double",
            "Purchases on the days up to a holiday (seasons.holidays, seasons.holiday_days) /"
            " purchase_count. Null: never bought.",
            _holiday_share,
            null="median",
        ),
    ),
)
