"""Who may see the dashboard: everybody of this machine, or who has the password."""

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.dashboard import start
from custseg_spark.interfaces.dashboard.guarding import Guard
from custseg_spark.interfaces.dashboard.settings import PASSWORD_VARIABLE, Settings, password_of

PASSWORD = "a long enough one"


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("customers")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("customers")
    await socket.close()


def guarded(password: str | None, is_local: bool = False) -> Any:
    routes = [
        Route("/api/upload", page, methods=["POST"]),
        Route("/_stcore/health", page),
        WebSocketRoute("/_stcore/stream", stream),
        Route("/{path:path}", page),
    ]
    guard = Middleware(Guard, settings=Settings(Path("lake"), password, is_local))
    return TestClient(Starlette(routes=routes, middleware=[guard]))


def test_without_a_password_everybody_may_look() -> None:
    assert guarded(None).get("/").text == "customers"


def test_with_a_password_nothing_is_shown_before_it() -> None:
    client = guarded(PASSWORD)
    asked = client.get("/segments", headers={"accept": "text/html"})
    assert asked.status_code == 401
    assert 'type="password"' in asked.text
    assert client.get("/api/customers.csv").status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
        pass
    assert client.get("/_stcore/health").text == "customers"


def test_the_password_opens_pages_routes_and_the_socket() -> None:
    client = guarded(PASSWORD)
    wrong = client.post("/login", data={"password": "<script>"})
    assert (wrong.status_code, "<script>" in wrong.text) == (401, False)
    entered = client.post("/login", data={"password": PASSWORD}, follow_redirects=False)
    assert entered.status_code == 303
    assert {"httponly", "samesite=strict"} <= set(entered.headers["set-cookie"].lower().split("; "))
    assert client.get("/").text == "customers"
    with client.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "customers"


def test_a_cookie_of_another_process_opens_nothing() -> None:
    client, other = guarded(PASSWORD), guarded(PASSWORD)
    client.post("/login", data={"password": PASSWORD})
    other.cookies = client.cookies
    assert other.get("/").status_code == 401


def test_another_site_can_change_nothing() -> None:
    client = guarded(None)
    assert client.post("/api/upload", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/api/upload", headers={"origin": "null"}).status_code == 403
    assert client.post("/api/upload", headers={"origin": "http://testserver"}).text == "customers"
    assert client.post("/api/upload").text == "customers"


def test_of_this_machine_alone_only_its_own_names_are_answered() -> None:
    client = guarded(None, is_local=True)
    assert client.get("/", headers={"host": "127.0.0.1:8501"}).text == "customers"
    assert client.get("/", headers={"host": "localhost:8501"}).text == "customers"
    assert client.get("/", headers={"host": "rebound.example:8501"}).status_code == 403
    socket = client.websocket_connect("/_stcore/stream", headers={"host": "rebound.example"})
    with pytest.raises(WebSocketDisconnect), socket:
        pass


def test_the_password_comes_from_the_environment() -> None:
    assert password_of({PASSWORD_VARIABLE: PASSWORD}) == PASSWORD
    assert password_of({}) is None
    with pytest.raises(ConfigurationError, match="8 characters"):
        password_of({PASSWORD_VARIABLE: "short"})
    assert PASSWORD not in repr(Settings(Path("lake"), PASSWORD))


def test_others_are_served_only_with_a_password_or_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match=f"set {PASSWORD_VARIABLE}, or say --open"):
        start.run(["--host", "0.0.0.0"])
    with pytest.raises(ConfigurationError, match="expected a folder"):
        start.run(["--lake", "s3://bucket/lake"])
