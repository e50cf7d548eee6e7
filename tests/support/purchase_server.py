"""The purchase API of the trials (scripts/purchase_api.py), or a scripted one, in a thread."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from generate_customers import mobile_of, purchases_of
from purchase_api import Faults, make_app

__all__ = ["Faults", "make_app", "mobile_of", "purchases_of", "scripted", "serving"]


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The URL of a running server of an app."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def scripted(answers: Sequence[Response]) -> FastAPI:
    """An API that gives these answers in order; `app.state` has the requests' times and bodies."""
    app, remaining = FastAPI(), iter(answers)
    times: list[float] = []
    bodies: list[Any] = []
    app.state.requests, app.state.bodies = times, bodies

    @app.post("/purchases")
    async def purchases(request: Request) -> Response:
        times.append(time.monotonic())
        bodies.append(await request.json())
        return next(remaining)

    return app
