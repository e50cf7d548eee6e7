"""Thresholds that a person would choose: a few round numbers between a feature's values."""

import numpy as np

# The leading digits of thresholds within a power of ten.
_LEADING = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0)
# Up to here, every whole number (days, orders) is a threshold; also weeks and months of days.
_COUNTED = 30
_CALENDAR = (35.0, 42.0, 45.0, 60.0, 75.0, 90.0, 120.0, 150.0, 180.0, 270.0, 365.0, 540.0, 730.0)
_SHARES = (0.01, 0.02, 0.03, *(hundredths / 100 for hundredths in range(5, 100, 5)))
_DECIMALS = 6


def round_thresholds(values: np.ndarray) -> np.ndarray:
    """Return round numbers that divide the values, ascending; none if all values are equal.

    A threshold t divides into values below t, and values of t or more. Values from 0 to 1 are
    taken for shares: the thresholds are multiples of 5 %. Whole numbers have whole thresholds.
    """
    lowest, highest = float(values.min()), float(values.max())
    if lowest >= 0 and highest <= 1:
        candidates = np.array(_SHARES)
    elif np.all(values == np.rint(values)):
        candidates = _whole(highest)
    else:
        candidates = _steps(values)
    if lowest < 0:
        candidates = np.concatenate([-_steps(-values[values < 0]), [0.0], candidates])
    inside = candidates[(candidates > lowest) & (candidates <= highest)]
    return _roundest(np.unique(inside), values)


def _roundest(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of thresholds that divide the values alike, return the largest with the fewest digits."""
    alike: dict[int, list[float]] = {}
    reached = np.searchsorted(np.sort(values), thresholds)
    for threshold, count in zip(thresholds.tolist(), reached.tolist(), strict=True):
        alike.setdefault(count, []).append(threshold)
    return np.array([min(group, key=lambda t: (_digits(t), -t)) for group in alike.values()])


def _digits(threshold: float) -> int:
    return len(f"{abs(threshold):e}".partition("e")[0].replace(".", "").rstrip("0"))


def _whole(highest: float) -> np.ndarray:
    counted = np.arange(1.0, _COUNTED + 1)
    beyond = _powers(1, max(highest, 10.0))
    return np.concatenate([counted, _CALENDAR, beyond[beyond == np.rint(beyond)]])


def _steps(values: np.ndarray) -> np.ndarray:
    """Return leading digits times the powers of ten that the values above 0 have."""
    positive = values[values > 0]
    if not positive.size:
        return np.zeros(0)
    smallest = max(float(positive.min()), float(positive.max()) * 10.0**-_DECIMALS)
    return _powers(smallest, float(positive.max()))


def _powers(smallest: float, largest: float) -> np.ndarray:
    exponents = range(int(np.floor(np.log10(smallest))), int(np.ceil(np.log10(largest))) + 1)
    # By way of text: 3.5 times 0.1 is no 0.35.
    return np.array([float(f"{digits:.1f}e{power}") for power in exponents for digits in _LEADING])
