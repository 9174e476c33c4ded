"""Who may ask: the token, the names that the server answers to, and the pages whose scripts may use it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freeseg.serve.problems import Problem
from freeseg.serve.settings import Access

OPEN = ("/", "/favicon.ico", "/health", "/ready", "/docs", "/openapi.json")  # what anybody may see
OPEN_FOLDERS = ("/page/", "/docs/")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_POLICY = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# Swagger's page sets styles of elements and shows its pictures as data.
_POLICY_OF_DOCS = f"{_POLICY}; style-src 'self' 'unsafe-inline'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
_CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept, X-Session-Id",
    "Access-Control-Max-Age": "600",
}


class Security:
    """An ASGI layer that refuses whom it must, and adds the headers that keep browsers safe.

    Args:
        app: What is behind it.
        access: Who may ask.
    """

    def __init__(self, app: ASGIApp, access: Access):
        self.app, self.access = app, access
        self._hosts, self._origins = access.hosts, access.origins
        self._token = None if access.token is None else _digest(access.token.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        allowed = self._allowed_origin(headers)

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), path, allowed)
            await send(message)

        try:
            if "\0" in path:  # no file can be called so, and systems refuse to look for it
                raise Problem(404, "not-found", "there is nothing at this address", "see /docs")
            self._check_host(headers)
            self._check_origin(scope["method"], headers, allowed)
            if allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await Response(status_code=204, headers=_CORS_HEADERS)(scope, receive, send_safely)
                return
            if path not in OPEN and not path.startswith(OPEN_FOLDERS):
                self._check_token(headers)
        except Problem as problem:
            await problem.response()(scope, receive, send_safely)
            return
        await self.app(scope, receive, send_safely)

    def _check_host(self, headers: Headers) -> None:
        """Refuse a name that is not the server's: a page may have pointed its own name at this machine."""
        name = _host_name(headers.get("host", ""))
        if self._hosts and name not in self._hosts:
            raise Problem(
                421, "host", "the server does not answer to this name", "give its name with --allow-host, or a token"
            )

    def _check_origin(self, method: str, headers: Headers, allowed: str) -> None:
        """Refuse what a script of another site has a browser send."""
        if method in _SAFE_METHODS or allowed:
            return
        origin = headers.get("origin", "")
        is_own = not origin or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        if not is_own or headers.get("sec-fetch-site") == "cross-site":
            raise Problem(403, "origin", "a page of another site may not use this server", "name it in --allow-origin")

    def _check_token(self, headers: Headers) -> None:
        if self._token is None:
            return
        given = _given_token(headers.get("authorization", ""))
        if given is None or not hmac.compare_digest(_digest(given), self._token):
            raise Problem(
                401,
                "token",
                "the server asks for a token" if given is None else "the token is not the server's",
                "send the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    def _allowed_origin(self, headers: Headers) -> str:
        """What to tell a browser about the page that asks; "" for nothing."""
        origin = headers.get("origin", "")
        if not origin or not self._origins:
            return ""
        return "*" if "*" in self._origins else origin if origin in self._origins else ""

    def _add_headers(self, headers: MutableHeaders, path: str, allowed: str) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        is_docs = path == "/docs" or path.startswith("/docs/")
        headers.setdefault("Content-Security-Policy", _POLICY_OF_DOCS if is_docs else _POLICY)
        # Files of the package may be kept, and are asked for again by their tag; answers about photos are never kept.
        headers.setdefault("Cache-Control", "no-cache" if path.startswith(OPEN_FOLDERS) else "no-store")
        if allowed:
            headers["Access-Control-Allow-Origin"] = allowed
            headers["Access-Control-Expose-Headers"] = "Retry-After"
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if self._origins:
            headers.add_vary_header("Origin")


def _digest(token: bytes) -> bytes:
    """Of equal length for all tokens, so that comparing them tells nothing of their length either."""
    return hashlib.sha256(token).digest()


def _given_token(header: str) -> bytes | None:
    """The token of a request: that of "Bearer", or the password of "Basic", which Label Studio sends."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return None


def _host_name(host: str) -> str:
    """The name in a Host header, without its port.

    Example:
        >>> _host_name("[::1]:8000"), _host_name("LocalHost:8000")
        ('::1', 'localhost')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
