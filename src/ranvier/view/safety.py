"""What the server refuses: requests of other pages, of other hosts, and without the token of this start."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-ranvier-token"
HOSTS = ("127.0.0.1", "localhost", "::1")
MAX_BODY = 1 << 20
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STARTED_AGAIN = "This view was started again; open the address that the terminal shows."


def new_token() -> str:
    """A token that cannot be guessed, 32 bytes of randomness as text."""
    return secrets.token_urlsafe(32)


def host_name(host: str) -> str | None:
    """The name in a Host header, without its port; None where it is not written as one.

    >>> host_name("localhost:9000"), host_name("[::1]:80"), host_name("evil.example"), host_name("a@127.0.0.1")
    ('localhost', '::1', 'evil.example', None)
    """
    try:
        parts = urlsplit(f"//{host}")
        valid = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts.hostname if valid and parts.netloc == host and "@" not in host else None


def refusal(request: Request, token: str) -> JSONResponse | None:
    """Why a request is refused; None for one that may pass.

    A page in the same browser can send requests to this server, too, and a host name that an attacker owns can point
    to this machine: listening on 127.0.0.1 alone protects nothing.
    """
    headers = request.headers
    if host_name(headers.get("host", "")) not in HOSTS:
        return _refused(403, "This server answers at 127.0.0.1 and localhost only.")
    # A header that comes twice must be right both times.
    origins, sites = headers.getlist("origin"), headers.getlist("sec-fetch-site")
    if set(origins) - {f"http://{headers['host']}"} or set(sites) - {"same-origin", "none"}:
        return _refused(403, "This server answers its own page only.")
    if request.url.path.startswith("/api"):
        given_token = headers.get(TOKEN_HEADER, "").encode()
        if not secrets.compare_digest(given_token, token.encode()):
            return _refused(401, STARTED_AGAIN)
    return None


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)


class Guard:
    """Passes on what `refusal` lets through, with bodies of at most 1 MiB, and sets the headers of every response.

    Parameters:
        app: what stands behind it.
        token: of this start.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        is_api = scope["path"].startswith("/api")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = {**HEADERS, **({"cache-control": "no-store"} if is_api else {"cache-control": "no-cache"})}
                extra_headers = [(name.encode(), value.encode()) for name, value in extra.items()]
                message = {**message, "headers": [*message["headers"], *extra_headers]}
            await send(message)

        response = refusal(Request(scope), self._token)
        if response is not None:
            await response(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)


async def bounded_body(request: Request) -> bytes | Response:
    """The body of a request, or the response to one that is too long or breaks off; it is counted while it comes."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return _refused(413, f"A question may have at most {MAX_BODY:,} bytes.")
    except ClientDisconnect:
        return _refused(400, "The question broke off.")
    return bytes(body)
