"""Seasonal time: each day counts in proportion to its usual purchases.

A buyer's rate is the month's intensity times the buyer's own rate. In a time that runs fast in
strong months and slowly in weak ones, the rate is constant (a non-homogeneous Poisson process in
its integrated intensity). BG/NBD's probability to drop out is per purchase and doesn't change. So
the model holds in seasonal time: only t_x, age and the horizon are converted.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

MONTHS = 12


@dataclass(frozen=True)
class Season:
    """The intensity of each calendar month, January first; 1 is the mean of a year's days."""

    months: tuple[float, ...]

    def of_days(self, first: date, days: int) -> np.ndarray:
        """Return the intensity of each of so many days."""
        return np.asarray(np.array(self.months)[months_of(first, days)])


@dataclass(frozen=True)
class Clock:
    """Seasonal time around `end`, the end of observation (exclusive), in days of mean intensity.

    Without a season it is plain time.
    """

    season: Season | None
    end: date

    def elapsed(self, age: np.ndarray) -> np.ndarray:
        """Return the time from so many whole days before the end to the end."""
        if self.season is None or not len(age):
            return np.asarray(age, dtype=np.float64)
        days = age.astype(np.int64)
        longest = int(days.max())
        intensities = self.season.of_days(self.end - timedelta(days=longest), longest)
        # Added up backwards from the end, so that no other buyer's age changes the last digits.
        back = np.concatenate([[0.0], np.cumsum(intensities[::-1])])
        return np.asarray(back[days])

    def history(self, t_x: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return t_x and age in seasonal time."""
        to_end = self.elapsed(age)
        if self.season is None:
            return np.asarray(t_x, dtype=np.float64), to_end
        return to_end - self.elapsed(age - t_x), to_end

    def ahead(self, days: int) -> float:
        """Return the time of so many days from the end on."""
        if self.season is None:
            return float(days)
        return float(self.season.of_days(self.end, days).sum())


def months_of(first: date, days: int) -> np.ndarray:
    """Return the calendar month of each of so many days, 0 for January."""
    begin = np.datetime64(first, "D")
    months: np.ndarray = (begin + np.arange(days)).astype("datetime64[M]").astype(np.int64) % MONTHS
    return months
