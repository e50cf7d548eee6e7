"""Guard handlers: check a request's key, size and time, and count it."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from custseg_spark.interfaces.service.flaws import flaw
from custseg_spark.interfaces.service.limits import Limits
from custseg_spark.interfaces.service.schemas import Flaws

# Paths without a key, for orchestrators and monitors.
OPEN = ("/health", "/ready", "/metrics")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def refusal(status: int, field: str, value: object, expected: str) -> JSONResponse:
    """Return an answer that names what was wrong."""
    body = Flaws(detail=[flaw(field, value, expected)])
    return JSONResponse(body.model_dump(), status_code=status)


class Metrics:
    """Counts and seconds of requests, and the run that answers."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "custseg_requests", "Requests answered", ["path", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "custseg_request_seconds",
            "Seconds until the answer",
            ["path"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self.customers = Counter(
            "custseg_scored_customers", "Customers scored", ["path"], registry=registry
        )
        self.run_date = Gauge(
            "custseg_run_date_seconds", "The run that answers, Unix time", registry=registry
        )
        self.reloads = Gauge("custseg_reloads", "Runs that were loaded", registry=registry)
        self.failures = Gauge(
            "custseg_reload_failures", "Runs that could not be loaded", registry=registry
        )

    async def measured(
        self, request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Count and time a request by its path's pattern: a customer's id makes no new series."""
        started = time.perf_counter()
        response = await answer(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "unknown")
        self.requests.labels(path, request.method, response.status_code).inc()
        self.seconds.labels(path).observe(time.perf_counter() - started)
        return response


class Guard:
    """An ASGI layer that refuses a request without a key, a too large one, and a too slow one."""

    def __init__(self, app: ASGIApp, limits: Limits):
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if not self._may_ask(request):
            answer = refusal(401, "X-API-Key", None, "a key of the service")
            await answer(scope, receive, send)
            return
        body = await _body(request, receive, self.limits.body_bytes)
        if body is None:
            expected = f"at most {self.limits.body_bytes:,} bytes"
            await refusal(413, "body", None, expected)(scope, receive, send)
            return
        await self._answered_in_time(scope, _replayed(body), send)

    def _may_ask(self, request: Request) -> bool:
        if not self.limits.keys or request.url.path in OPEN:
            return True
        given = request.headers.get("x-api-key", "").encode()
        # Every key is compared in full, so that the time reveals nothing about it.
        matches = [hmac.compare_digest(given, key.encode()) for key in self.limits.keys]
        return any(matches)

    async def _answered_in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            async with asyncio.timeout(self.limits.seconds):
                await self.app(scope, receive, noted)
        except TimeoutError:
            if not has_begun:
                expected = f"an answer within {self.limits.seconds:g} seconds: ask for less"
                await refusal(503, "body", None, expected)(scope, receive, send)


async def _body(request: Request, receive: Receive, most: int) -> bytes | None:
    """Return the request's body; None for a longer one, which isn't read to its end."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        return None
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(content)
        content += message.get("body", b"")
        if len(content) > most:
            return None
        if not message.get("more_body", False):
            return bytes(content)


def _replayed(body: bytes) -> Receive:
    is_given = False

    async def receive() -> Message:
        nonlocal is_given
        if is_given:
            return {"type": "http.disconnect"}
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
