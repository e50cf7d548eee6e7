"""Streamlit and the routes beside it, on one port in one process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount

from custseg_spark.interfaces.dashboard.endpoint import make_endpoint
from custseg_spark.interfaces.dashboard.guarding import Guard
from custseg_spark.interfaces.dashboard.settings import Settings
from custseg_spark.interfaces.dashboard.theme import OPTIONS
from custseg_spark.interfaces.dashboard.trying.desk import desk

SCRIPT = Path(__file__).parent / "script" / "app.py"
# The path of `endpoint`.
API = "/api"


def make_app(settings: Settings) -> st.App:
    """Return the dashboard as one ASGI application: pages, downloads, uploads."""
    return st.App(
        SCRIPT,
        routes=[Mount(API, make_endpoint(settings, desk()))],
        middleware=[Middleware(Guard, settings=settings)],
        lifespan=_lifespan,
    )


@asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    yield
    # Cleaned up here, because the server ends itself by the signal that it was sent.
    at = desk()
    if at is not None:
        at.close()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until stopped."""
    make_app(settings).run(config=_options(host, port))


def _options(host: str, port: int) -> Mapping[str, object]:
    return {
        "server.address": host,
        "server.port": port,
        # No browser opens, no question is asked on the terminal.
        "server.headless": True,
        "server.fileWatcherType": "none",
        # Files go to `endpoint`: Streamlit's own uploader would hold them in memory.
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        # A traceback is for the log.
        "client.showErrorDetails": "none",
        **OPTIONS,
    }
