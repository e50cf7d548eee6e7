"""Contacts of customers as advertising platforms match them: normalised, then hashed by SHA-256.

Rules of Google Customer Match (e-mail in lower case, dots before @gmail.com left out; telephone as
E.164 with its plus) and of Meta's customer lists (e-mail in lower case; telephone as digits with
the country's code, without plus and leading zeros). What can't be normalised is null.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
import polars_hash as plh

# Whole words that mean yes; any other text, and no text, is no consent.
CONSENT = ("1", "true", "t", "yes", "y", "granted", "subscribed", "opted in", "opt-in")
_EMAIL = r"^[^@\s,;<>\"()]+@[^@\s,;<>\"()]+\.[^@\s,;<>\"().]{2,}$"
_DOTLESS = r"@(?:gmail|googlemail)\.com$"
# Spaces, hyphens, brackets, dots and slashes between the digits.
_MARKS = r"[\s\u{00A0}().\-/\u{2010}-\u{2015}]"
# E.164: fifteen digits at most; no country's numbers have fewer than seven with its code.
_E164 = r"^[1-9][0-9]{6,14}$"
_STEPS = 1_000_000
_SPARKS_SEED = 42


@dataclass(frozen=True)
class Dialling:
    """How to read a telephone number without a country code; without `code` it is unusable.

    `trunk` is the prefix of national numbers that falls away behind the country code: 0 in most
    countries, nothing in Italy or Spain.
    """

    code: str | None = None
    trunk: str = "0"


def email(text: pl.Expr) -> pl.Expr:
    """Return an e-mail address in lower case without spaces around; null for any other text."""
    address = text.str.strip_chars().str.to_lowercase()
    return pl.when(address.str.contains(_EMAIL)).then(address)


def dotless_gmail(address: pl.Expr) -> pl.Expr:
    """Return a normalised address; a Gmail address without the dots before the @."""
    name, host = address.str.extract(r"^([^@]*)@", 1), address.str.extract(r"@(.*)$", 1)
    short = pl.concat_str(name.str.replace_all(".", "", literal=True), pl.lit("@"), host)
    return pl.when(address.str.contains(_DOTLESS)).then(short).otherwise(address)


def phone(text: pl.Expr, dialling: Dialling) -> pl.Expr:
    """Return a telephone number as digits from the country code on; null for any other text.

    The zero in brackets of +44 (0)20… falls away.
    """
    bare = text.str.strip_chars().str.replace(r"^(\+[0-9 ]+)\(0\)", "${1}")
    bare = bare.str.replace_all(_MARKS, "")
    is_whole = bare.str.contains(r"^(?:\+|00)")
    international = bare.str.replace(r"^(?:\+|00)", "")
    national = pl.lit(None, pl.String)
    if dialling.code:
        local = bare.str.strip_prefix(dialling.trunk) if dialling.trunk else bare
        national = pl.concat_str(pl.lit(dialling.code), local)
    number = pl.when(is_whole).then(international).otherwise(national)
    return pl.when(number.str.contains(_E164)).then(number)


def consents(text: pl.Expr) -> pl.Expr:
    """Whether a customer agreed, by whole words; false for any other text, and for none."""
    return text.str.strip_chars().str.to_lowercase().is_in(CONSENT).fill_null(False)


def google(contacts: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of Google Customer Match from normalised `email` and `phone`."""
    e164 = pl.concat_str(pl.lit("+"), "phone")
    return _hashed(contacts, {"Email": dotless_gmail(pl.col("email")), "Phone": e164})


def meta(contacts: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of Meta's customer lists from normalised `email` and `phone`."""
    return _hashed(contacts, {"email": pl.col("email"), "phone": pl.col("phone")})


PLATFORMS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"google": google, "meta": meta}


def _hashed(contacts: pl.DataFrame, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return each pair of hashes once, sorted: the order says nothing about the customers'."""
    values = contacts.select(**columns)
    hashes = values.select(plh.col(name).chash.sha2_256() for name in values.columns)
    hashable = hashes.filter(pl.any_horizontal(pl.all().is_not_null()))
    return hashable.unique().sort(*columns, nulls_last=True)


def is_held_back(customer_ids: pl.Series, campaign: str, share: float) -> pl.Series:
    """Whether customers are held back from a campaign, as in an export's `segment_changes`.

    XXH64 as Spark's `xxhash64(campaign, customer_id)`: the seed of each value is the hash of those
    before it.
    """
    frame = pl.DataFrame({"campaign": [campaign]})
    [seed] = frame.select(plh.col("campaign").nchash.xxhash64(seed=_SPARKS_SEED)).to_series()
    hashes = customer_ids.to_frame("id").select(plh.col("id").nchash.xxhash64(seed=seed))
    # The remainder of the signed number, never negative, as Spark's pmod.
    signed = hashes.to_series().reinterpret(signed=True)
    steps = ((signed % _STEPS) + _STEPS) % _STEPS
    return (steps < round(share * _STEPS)).alias("is_held_back")
