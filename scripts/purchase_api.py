"""A purchase API for trials and tests, which can be told to fail, to be slow or to send rubbish.

  python scripts/purchase_api.py --port 8001 --fail 0.05 --rubbish 0.05

POST /purchases {"mobiles": ["7…", …], "cursor": null} gives {"customers": [{"mobile": "7…",
"purchases": [{"date": "2024-03-01", "amount": "12.50", "store": "Leeds"}, …]}, …],
"next_cursor": "…" or null}. Any mobile number is known; its purchases are those of
scripts/generate_customers.py with the same seed. With CUSTSEG_API_TOKEN in the environment a
request needs that bearer token. Faults are drawn by the seed, in the order of requests.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Response
from fastapi.responses import StreamingResponse
from generate_customers import purchases_of
from pydantic import BaseModel, Field

MOST_MOBILES = 1_000
FAILURES = ("500", "503", "429", "dropped")
RUBBISH = ("html", "cut", "list", "stranger", "null", "item", "loop")

Body = dict[str, Any]


@dataclass(frozen=True)
class Faults:
    """Chances from 0 to 1 that a request fails, waits, is answered by rubbish or by bad values.

    `broken` is the share of customers whose requests always fail.
    """

    fail: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 2.0
    rubbish: float = 0.0
    bad_values: float = 0.0
    broken: float = 0.0
    retry_after: int = 1
    requests_per_second: float | None = None
    failures: tuple[str, ...] = FAILURES
    kinds: tuple[str, ...] = RUBBISH


class Query(BaseModel):
    """Whose purchases, and from where on."""

    mobiles: list[str] = Field(max_length=MOST_MOBILES)
    cursor: str | None = None


def make_app(
    seed: int = 7, page_size: int = 1_000, faults: Faults | None = None, token: str = ""
) -> FastAPI:
    """The API over generated purchases; `app.state.requests` has the time of each request."""
    given, rng = faults or Faults(), random.Random(seed)
    app = FastAPI()
    times: list[float] = []
    app.state.requests = times
    cached_purchases = lru_cache(maxsize=20_000)(purchases_of)

    @app.post("/purchases")
    async def purchases(query: Query, authorization: Annotated[str, Header()] = "") -> Response:
        times.append(time.monotonic())
        if token and not secrets.compare_digest(authorization, f"Bearer {token}"):
            raise HTTPException(401, "a bearer token is needed")
        limit = given.requests_per_second
        if limit and sum(t > times[-1] - 1 for t in times[-1_000:]) > limit:
            raise HTTPException(429, "too many", {"Retry-After": str(given.retry_after)})
        if rng.random() < given.slow:
            await asyncio.sleep(given.slow_seconds)
        if rng.random() < given.fail:
            return _failed(rng.choice(given.failures), given.retry_after)
        body = _page(query, page_size, seed)
        if rng.random() < given.bad_values:
            _spoil(body)
        if rng.random() < given.rubbish:
            return _rubbish(rng.choice(given.kinds), body, query)
        return Response(json.dumps(body), media_type="application/json")

    def _page(query: Query, page_size: int, seed: int) -> Body:
        everything = [(m, p) for m in query.mobiles for p in cached_purchases(m, seed)]
        start = int(query.cursor or 0)
        page, end = everything[start : start + page_size], start + page_size
        customers = [
            {"mobile": mobile, "purchases": [p for _, p in own]}
            for mobile, own in groupby(page, key=lambda pair: pair[0])
        ]
        customers += [{"mobile": m, "purchases": None} for m in query.mobiles if _is_broken(m)]
        more = str(end) if end < len(everything) else None
        return {"customers": customers, "next_cursor": more}

    def _is_broken(mobile: str) -> bool:
        return random.Random(f"broken {seed} {mobile}").random() < given.broken

    return app


def _spoil(body: Body) -> None:
    """Return the page with one amount that isn't a number."""
    for customer in body["customers"]:
        if own := customer["purchases"]:
            own[0] = {**own[0], "amount": "n/a"}
            return


def _failed(kind: str, retry_after: int) -> Response:
    if kind != "dropped":
        headers = {"Retry-After": str(retry_after)} if kind in ("429", "503") else {}
        return Response(kind, int(kind), headers)

    async def broken() -> AsyncIterator[bytes]:
        yield b'{"customers": ['
        raise ConnectionResetError("dropped on purpose")

    return StreamingResponse(broken(), media_type="application/json")


def _rubbish(kind: str, body: Body, query: Query) -> Response:
    """What has the status of an answer and isn't one."""
    if kind == "html":
        return Response("<html><body>Down for maintenance</body></html>", media_type="text/html")
    text = json.dumps(body)
    if kind == "cut":
        return Response(text[: len(text) // 2], media_type="application/json")
    spoilt: Any = {
        "list": [body],
        "stranger": {**body, "customers": [{"mobile": "0", "purchases": []}]},
        "null": {**body, "customers": [{"mobile": query.mobiles[0], "purchases": None}]},
        "item": {**body, "customers": [{"mobile": query.mobiles[0], "purchases": ["12.50"]}]},
        "loop": {**body, "next_cursor": query.cursor or ""},
    }[kind]
    return Response(json.dumps(spoilt), media_type="application/json")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--page-size", type=int, default=1_000, help="purchases a page")
    for name in ("fail", "slow", "rubbish", "bad-values", "broken"):
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="CHANCE")
    parser.add_argument("--slow-seconds", type=float, default=2.0)
    parser.add_argument("--retry-after", type=int, default=1, metavar="SECONDS")
    parser.add_argument("--limit", type=float, metavar="REQUESTS", help="a second; beyond: 429")
    options = parser.parse_args()
    faults = Faults(
        options.fail,
        options.slow,
        options.slow_seconds,
        options.rubbish,
        options.bad_values,
        options.broken,
        options.retry_after,
        options.limit,
    )
    token = os.environ.get("CUSTSEG_API_TOKEN", "")
    app = make_app(options.seed, options.page_size, faults, token)
    uvicorn.run(app, host=options.host, port=options.port, log_level="critical")


if __name__ == "__main__":
    main()
