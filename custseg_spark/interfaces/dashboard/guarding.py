"""Guard pages and routes by a password, if one is set."""

import hashlib
import hmac
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from custseg_spark.interfaces.dashboard.login import login_page
from custseg_spark.interfaces.dashboard.settings import LOCAL, Settings

LOGIN = "/login"
# Paths without a password, for orchestrators.
OPEN = ("/_stcore/health",)
_COOKIE = "custseg_dashboard"
_DAY_S = 86_400
# A form with one field.
_LONGEST_BODY = 4_096


class Guard:
    """An ASGI layer that asks for the password and refuses requests from other sites' pages."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        if scope["type"] == "http" and not (self._is_to_us(request) and _is_of_this_site(request)):
            refused = PlainTextResponse("a request of another site", status_code=403)
            await refused(scope, receive, send)
        elif self._may_enter(request) and self._is_to_us(request):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(code=1008)
        else:
            answer = await self._answer(Request(scope, receive))
            await answer(scope, receive, send)

    def _is_to_us(self, request: HTTPConnection) -> bool:
        """Whether the request's host is a name of this machine.

        Another name that resolves here could belong to a site that wants to read the answers.
        """
        return not self.settings.is_local or request.url.hostname in LOCAL

    def _may_enter(self, request: HTTPConnection) -> bool:
        if self.settings.password is None or request.url.path in OPEN:
            return True
        given = request.cookies.get(_COOKIE, "")
        return hmac.compare_digest(given.encode(), self._token.encode())

    @property
    def _token(self) -> str:
        return hmac.new(self.settings.key, b"entered", hashlib.sha256).hexdigest()

    async def _answer(self, request: Request) -> Response:
        if request.url.path == LOGIN and request.method == "POST":
            return await self._login(request)
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(login_page(), status_code=401)
        return PlainTextResponse("the password is asked for at /login", status_code=401)

    async def _login(self, request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST_BODY:
                return PlainTextResponse("a form with a password was expected", status_code=413)
        given = parse_qs(body.decode("utf-8", errors="replace")).get("password", [""])[0]
        if not hmac.compare_digest(given.encode(), (self.settings.password or "").encode()):
            return HTMLResponse(login_page(was_wrong=True), status_code=401)
        entered = RedirectResponse("/", status_code=303)
        entered.set_cookie(
            _COOKIE,
            self._token,
            max_age=_DAY_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return entered


def _is_of_this_site(request: HTTPConnection) -> bool:
    """Whether a request that changes something comes from a page of this server, or from none."""
    origin = request.headers.get("origin")
    if request.scope["method"] in ("GET", "HEAD", "OPTIONS") or origin is None:
        return True
    return origin.rpartition("//")[2] == request.headers.get("host")
