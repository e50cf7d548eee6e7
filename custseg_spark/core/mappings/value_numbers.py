"""Number formats: decimal sign, thousands separator and currencies."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

MOST_SHARE = 0.95
# Signs and codes of currencies, before or after a number.
_CURRENCY = (
    r"(?:(?:R|US|CA|AU|C|A|NZ|HK|S|MX)?[$€£¥₹₽₺₩₪฿₴₫]|zł|kr\.?|Kč|Ft|Rs\.?|Fr\.?|лв\.?|руб\.?|元|円"  # noqa: RUF001
    r"|EUR|USD|GBP|JPY|CNY|INR|BRL|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH"
    r"|MXN|ARS|CLP|COP|ZAR|KRW|TWD|HKD|SGD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR)"
)
_AROUND = re.compile(rf"^({_CURRENCY})?\s*|\s*({_CURRENCY}|%)?$")
_SPACES = " \u00a0\u202f\u2009"


@dataclass(frozen=True)
class NumberForm:
    """The decimal sign and the thousands separator ("" without one)."""

    decimal: str = "."
    thousands: str = ""


# The plain form comes first; numbers that fit it need no key in the mapping.
FORMS = (
    NumberForm(),
    NumberForm(","),
    NumberForm(".", ","),
    NumberForm(",", "."),
    NumberForm(",", " "),
    NumberForm(".", " "),
    NumberForm(".", "'"),
    NumberForm(",", "'"),
)


def forms(values: Counter[str]) -> tuple[NumberForm, ...]:
    """Return the distinct forms that fit nearly all values.

    A form with a thousands separator counts only if a value shows it.
    """
    bare = {value: bare_number(value) for value in values}
    possible = []
    for form in FORMS:
        fitting = sum(n for v, n in values.items() if _expression(form).fullmatch(bare[v]))
        if fitting >= MOST_SHARE * values.total():
            possible.append(form)
    if possible and possible[0] == NumberForm():
        return (NumberForm(), *(f for f in possible[1:] if _shows(bare.values(), f)))
    return tuple(possible)


def _shows(values: Iterable[str], form: NumberForm) -> bool:
    """Whether a value has the thousands separator, so that the plain form isn't the only one."""
    return bool(form.thousands) and any(form.thousands in v for v in values)


def bare_number(value: str) -> str:
    """Return a number's text without sign, currency and per cent, or the content of brackets."""
    text = value.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    text = _AROUND.sub("", text.lstrip("+-")).lstrip("+-")
    for space in _SPACES[1:]:
        text = text.replace(space, " ")
    return text.strip()


def has_currency(value: str) -> bool:
    """Whether the number has a currency or per cent."""
    return bool(re.search(r"[^\d\s.,'()+\-eE]", value))


def number(value: str, form: NumberForm) -> float | None:
    """Read a text as a number with its sign; None if it isn't one under this form."""
    text = bare_number(value)
    if not _expression(form).fullmatch(text):
        return None
    plain = text.replace(form.thousands, "") if form.thousands else text
    parsed = float(plain.replace(form.decimal, "."))
    return -parsed if value.strip().startswith(("-", "(")) else parsed


@cache
def _expression(form: NumberForm) -> re.Pattern[str]:
    point = re.escape(form.decimal)
    whole = (
        rf"(?:\d{{1,3}}(?:{re.escape(form.thousands)}\d{{3}})+|\d+)" if form.thousands else r"\d+"
    )
    exponent = r"(?:[eE][+-]?\d+)?" if form == NumberForm() else ""
    return re.compile(rf"(?:{whole}(?:{point}\d*)?|{point}\d+){exponent}")
