"""Calendar months of days that are counted from 1970 on."""

import numpy as np

from custseg_spark.core.features.exact import Ints


def month_numbers(days: Ints) -> Ints:
    """Return the month of each day, counted from January 1970 on."""
    months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months
