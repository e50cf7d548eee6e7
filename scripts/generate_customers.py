"""Write synthetic customer profiles (CSV) and, if asked, their purchases (one JSON array).

A customer is one of five types, which set how often and for how much one buys, when one stopped,
and how old, learned and well paid one is; people of different types overlap. What a customer
bought follows from the mobile number and the seed alone, so that scripts/purchase_api.py can tell
it without a file, and both ways give the same purchases. The same arguments give the same files.
"""

import argparse
import csv
import json
import math
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from faker import Faker

FIRST_DAY, DAYS = date(2023, 1, 1), 730
COLUMNS = ("mobile", "name", "age", "income", "gender", "education", "occupation", "zip_code")
STORES = ("Leeds", "York", "Hull", "Bradford", "Sheffield", "Harrogate", "Online")
EDUCATIONS = ("High School", "Diploma", "Bachelor", "Master", "Doctorate")
# A prime, so that each number of a customer gives another mobile.
_MOBILES, _STEP = 999_999_937, 387_420_489


class Type(NamedTuple):
    """A kind of customer: purchases a year, typical amount, active part of the time, person."""

    share: float
    per_year: float
    amount: float
    begins: float
    ends: float
    age: float
    income: float
    education: float


TYPES = {
    "regular": Type(0.25, 6.0, 35.0, 0.0, 1.0, 45, 38_000, 1.5),
    "big_spender": Type(0.10, 8.0, 120.0, 0.1, 1.0, 52, 82_000, 3.0),
    "newcomer": Type(0.20, 3.0, 30.0, 0.8, 1.0, 27, 29_000, 2.0),
    "lapsed": Type(0.25, 3.5, 40.0, 0.0, 0.5, 49, 41_000, 1.8),
    "occasional": Type(0.20, 0.8, 25.0, 0.0, 1.0, 36, 33_000, 1.2),
}


def mobile_of(number: int, seed: int) -> str:
    """The mobile number of the customer with that number: ten digits, no two alike."""
    return str(7_000_000_000 + (number * _STEP + seed * 7_919) % _MOBILES)


def type_of(mobile: str, seed: int) -> Type:
    """What kind of customer a mobile number's is."""
    shares = [kind.share for kind in TYPES.values()]
    return random.Random(f"type {seed} {mobile}").choices(list(TYPES.values()), shares)[0]


def purchases_of(mobile: str, seed: int) -> list[dict[str, str]]:
    """A customer's purchases in the order of their dates: date, amount, store."""
    kind, rng = type_of(mobile, seed), random.Random(f"purchases {seed} {mobile}")
    length = DAYS * (kind.ends - kind.begins)
    # A customer's own rate varies around the type's, so that counts are as uneven as real ones.
    mean = kind.per_year * length / 365 * rng.gammavariate(2.0, 0.5)
    home = rng.choice(STORES)
    days = sorted(rng.random() for _ in range(_poisson(rng, mean)))
    return [
        {
            "date": str(FIRST_DAY + timedelta(days=int(DAYS * kind.begins + length * at))),
            "amount": f"{rng.lognormvariate(math.log(kind.amount), 0.6):.2f}",
            "store": home if rng.random() < 0.8 else rng.choice(STORES),
        }
        for at in days
    ]


def _poisson(rng: random.Random, mean: float) -> int:
    """How many events a Poisson process of that mean has, by its intervals."""
    count, at = 0, rng.expovariate(1.0)
    while at < mean:
        count, at = count + 1, at + rng.expovariate(1.0)
    return count


def profiles(customers: int, seed: int, malformed: float) -> Iterator[list[str]]:
    """Each customer's row; of a share of them the mobile, age or income is rubbish."""
    fake, rng = Faker("en_GB", use_weighting=False), random.Random(f"profiles {seed}")
    fake.seed_instance(seed)
    for number in range(customers):
        mobile = mobile_of(number, seed)
        kind, is_female = type_of(mobile, seed), rng.random() < 0.5
        level = min(4, max(0, round(rng.gauss(kind.education, 0.8))))
        row = [
            mobile,
            fake.name_female() if is_female else fake.name_male(),
            str(min(95, max(18, round(rng.gauss(kind.age, 9))))),
            f"{rng.lognormvariate(math.log(kind.income), 0.3):.2f}",
            "female" if is_female else "male",
            EDUCATIONS[level],
            fake.job(),
            fake.postcode(),
        ]
        if rng.random() < malformed:
            column = rng.choice((0, 2, 3))
            row[column] = rng.choice(("unknown", "n/a", "-1" if column else "70-11"))
        yield row


def write(folder: Path, customers: int, seed: int, malformed: float, with_purchases: bool) -> None:
    """The files `customers.csv` and, if asked, `purchases.json`, a customer at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(profiles(customers, seed, malformed))
    if with_purchases:
        with (folder / "purchases.json").open("w", encoding="utf-8") as stream:
            for number in range(customers):
                mobile = mobile_of(number, seed)
                bought = {"mobile": mobile, "purchases": purchases_of(mobile, seed)}
                stream.write(f"{',' if number else '['}\n{json.dumps(bought)}")
            stream.write("\n]\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--malformed", type=float, default=0.0, help="share of bad profiles")
    parser.add_argument("--purchases", action="store_true", help="write purchases.json, too")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    write(options.out, options.customers, options.seed, options.malformed, options.purchases)


if __name__ == "__main__":
    main()
