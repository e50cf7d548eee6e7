"""What a purchase API answers: a page of purchases, or something malformed. No Spark here."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from custseg_spark.engine.sources.formats.json_text import unique_keys

_MOST_SHOWN = 2_000


class MalformedError(Exception):
    """An answer that isn't what it must be: why, and how it began."""

    def __init__(self, why: str, answer: str) -> None:
        super().__init__(why)
        self.why, self.answer = why, answer[:_MOST_SHOWN]


def page(
    answer: bytes, mobiles: Collection[str], seen: Collection[str]
) -> tuple[list[Mapping[str, Any]], str | None]:
    """Return the purchases of an answer, each with its mobile, and the next page's cursor.

    Raises MalformedError where the answer isn't an object of that form, speaks of who wasn't
    asked for, or goes on with a cursor that was `seen`. Values are not looked at: ingest does.
    """
    text = answer.decode("utf-8", errors="replace")
    try:
        body = json.loads(
            answer,
            object_pairs_hook=unique_keys,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedError("not JSON, or a key twice", text) from error
    customers = body.get("customers") if isinstance(body, dict) else None
    if not isinstance(customers, list):
        raise MalformedError("no object with a list of 'customers'", text)
    cursor = body.get("next_cursor")
    if cursor is not None and (not isinstance(cursor, str) or not cursor or cursor in seen):
        raise MalformedError("'next_cursor' is neither null nor a text that is new", text)
    purchases: list[Mapping[str, Any]] = []
    for customer in customers:
        of_customer = customer.get("purchases") if isinstance(customer, dict) else None
        if not isinstance(of_customer, list) or not all(isinstance(p, dict) for p in of_customer):
            raise MalformedError("a customer without a list of objects 'purchases'", text)
        if (mobile := str(customer.get("mobile"))) not in mobiles:
            raise MalformedError("a customer who wasn't asked for", text)
        if any(str(purchase.get("mobile", mobile)) != mobile for purchase in of_customer):
            raise MalformedError("a purchase of another customer", text)
        purchases += [{**purchase, "mobile": mobile} for purchase in of_customer]
    return purchases, cursor
