"""Days whose purchases are for a holiday, from a calendar of days of the year and of dates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """Holidays, as `MM-DD` or `YYYY-MM-DD`, and how many days before count, itself included."""

    holidays: tuple[str, ...] = ()
    days: int = 1

    def covers(self, days: Ints) -> Flags:
        """Whether each day, counted from 1970 on, is one of a holiday's."""
        if not len(days):
            return np.zeros(0, np.bool_)
        first, last = (_EPOCH + timedelta(days=int(day)) for day in (days.min(), days.max()))
        ends = [
            (day - _EPOCH).days
            for text in self.holidays
            for day in _dates(text, range(first.year, last.year + 2))
        ]
        covered = {end - back for end in ends for back in range(self.days)}
        flags: Flags = np.isin(days, np.array(sorted(covered), np.int64))
        return flags


NO_HOLIDAYS = Calendar()


def is_holiday(text: str) -> bool:
    """Whether a text is a day of the calendar as `Calendar` takes it."""
    return next(_dates(text, [2000]), None) is not None


def _dates(text: str, years: Sequence[int]) -> Iterator[date]:
    """Yield the dates of a holiday: one, or one of each year that has the day."""
    whole = len(text) == len("2000-12-25")
    for prefix in [""] if whole else [f"{year:04}-" for year in years]:
        try:
            day = date.fromisoformat(f"{prefix}{text}")
        except ValueError:
            continue
        if day.isoformat() == f"{prefix}{text}":
            yield day
