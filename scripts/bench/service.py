"""The scoring service under load: open-loop requests, latencies, and labels against the batch.

A request is due at its time whether or not those before it are answered, and its latency counts
from then on: a stalled service can't hide the requests that it kept waiting.
"""

import asyncio
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from deltalake import DeltaTable

from bench.page import table
from bench.runs import OURS, Plan, Runner

ALGORITHM = "kmeans"
FEATURES, EVENTS = "/score/features", "/score/events"
# Requests a second, by path.
RATES: Mapping[str, int] = {FEATURES: 200, EVENTS: 20}
EVENTS_A_REQUEST = 200
LABELLED, BATCH = 100_000, 5_000
_STARTS_WITHIN_S = 60.0
_HEADERS = {"Content-Type": "application/json"}

_METHOD = """\
`custseg serve` over our lake of {events:,} events on two cores, the client beside it. Requests are
due at a steady rate for {seconds:.0f} s (open loop); a latency counts from the time at which its
request was due. A request to /score/features is one customer's features, one to /score/events
{of_events} events. Then the labels of {labelled:,} customers, {batch:,} a request, against what the
batch wrote: {differing:,} differ."""


@dataclass(frozen=True)
class Load:
    """What one path was asked: seconds from due to answered of each request, and its failures."""

    path: str
    latencies: tuple[float, ...]
    failed: int

    def quantile(self, share: float) -> float:
        """The latency in milliseconds that this share of the requests keeps."""
        ordered = sorted(self.latencies)
        return 1_000 * ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def service(runner: Runner, plan: Plan) -> str:
    """The service over our lake of the smallest log: latencies at fixed rates, equal labels."""
    events, seconds = plan.sizes[0], plan.service_seconds
    lake = runner.out(OURS) / "lake"
    if not (lake / "runs").exists():
        runner.program(OURS, events)
    features = _features(lake)
    bodies = {FEATURES: _feature_bodies(features), EVENTS: _event_bodies(lake)}
    with _serving(lake, runner.folder / "service.out") as address:
        loads = [asyncio.run(load(address, p, bodies[p], RATES[p], seconds)) for p in RATES]
        compared, differing = _differing(address, features.head(LABELLED))
    rows = [
        [
            f"POST {done.path}",
            f"{RATES[done.path]}",
            f"{len(done.latencies) + done.failed:,}",
            f"{done.quantile(0.5):.1f}",
            f"{done.quantile(0.99):.1f}",
            f"{max(done.latencies) * 1_000:.1f}",
            f"{done.failed}",
        ]
        for done in loads
    ]
    headers = ["path", "a second", "requests", "p50, ms", "p99, ms", "longest, ms", "failed"]
    words = _METHOD.format(
        events=events,
        seconds=seconds,
        of_events=EVENTS_A_REQUEST,
        labelled=compared,
        batch=BATCH,
        differing=differing,
    )
    return f"{words}\n\n{table(headers, rows)}"


async def load(
    address: str, path: str, bodies: Sequence[bytes], rate: float, seconds: float
) -> Load:
    """Post the bodies in turn at `rate` a second, each when it is due."""
    latencies: list[float] = []
    failed = 0

    async def post(client: httpx.AsyncClient, body: bytes, due: float) -> None:
        nonlocal failed
        answer = await client.post(path, content=body, headers=_HEADERS)
        if answer.status_code == httpx.codes.OK:
            latencies.append(time.perf_counter() - due)
        else:
            failed += 1

    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        # Not counted: what is only slow the first time.
        for body in bodies[:5]:
            await client.post(path, content=body, headers=_HEADERS)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as requests:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                requests.create_task(post(client, bodies[number % len(bodies)], due))
    return Load(path, tuple(latencies), failed)


@contextmanager
def _serving(lake: Path, log: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "custseg_spark.interfaces.cli.main", "serve"]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, f"--lake={lake}", f"--port={port}"],
            stdout=written,
            stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if not k.startswith("CUSTSEG_")},
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            if httpx.get(f"{address}/ready", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the service didn't start: service.out says why")


def _features(lake: Path) -> pl.DataFrame:
    """One row per customer: the model's features and the segment that the batch gave."""
    run = _rows(lake, "runs", ["features", "run_id"]).tail(1)
    # Rates are drawn to the mean by the number of events, so the model reads that, too.
    names = [*run["features"][0], "event_count", "customer_id"]
    features = _rows(lake, "customer_features", dict.fromkeys(names))
    segments = _rows(lake, "customer_segments", ["customer_id", "algorithm", "segment_id"])
    of_algorithm = segments.filter(pl.col("algorithm") == ALGORITHM).drop("algorithm")
    return features.join(of_algorithm, on="customer_id", validate="1:1").sort("customer_id")


def _rows(lake: Path, name: str, columns: Sequence[str] | Mapping[str, None]) -> pl.DataFrame:
    return pl.DataFrame(DeltaTable(str(lake / name)).to_pyarrow_table(columns=list(columns)))


def _feature_bodies(features: pl.DataFrame) -> list[bytes]:
    return [_body([customer]) for customer in _customers(features.head(1_000))]


def _customers(features: pl.DataFrame) -> list[dict[str, Any]]:
    rows = features.drop("segment_id").with_columns(pl.exclude("customer_id").cast(pl.Float64))
    return [{"customer_id": r.pop("customer_id"), "features": r} for r in rows.to_dicts()]


def _body(customers: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps({"customers": customers, "algorithm": ALGORITHM}).encode()


def _event_bodies(lake: Path) -> list[bytes]:
    """Requests of as many events, each the events of whole days as one customer's."""
    columns = ["event_at", "event_type", "product_id", "category_id", "brand", "unit_price"]
    rows = _rows(lake, "events", columns).head(20 * EVENTS_A_REQUEST)
    texts = rows.with_columns(
        pl.col("event_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.col("unit_price").cast(pl.Utf8)
    )
    bodies = []
    for number, part in enumerate(texts.iter_slices(EVENTS_A_REQUEST)):
        events = [{**row, "customer_id": f"c{number}"} for row in part.to_dicts()]
        bodies.append(json.dumps({"events": events, "algorithm": ALGORITHM}).encode())
    return bodies


def _differing(address: str, features: pl.DataFrame) -> tuple[int, int]:
    """How many customers were scored, and how many in another segment than the batch's."""
    differing = 0
    with httpx.Client(base_url=address, timeout=60) as client:
        for part in features.iter_slices(BATCH):
            answer = client.post(FEATURES, content=_body(_customers(part)), headers=_HEADERS)
            if answer.status_code != httpx.codes.OK:
                raise RuntimeError(f"labels of {len(part)} customers: {answer.text[:500]}")
            scored = {c["customer_id"]: c["segment_id"] for c in answer.json()["customers"]}
            pairs = zip(part["customer_id"], part["segment_id"], strict=True)
            differing += sum(scored[customer] != segment for customer, segment in pairs)
    return len(features), differing
