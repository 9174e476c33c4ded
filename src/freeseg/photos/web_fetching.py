"""Photos from the web: fetched from public addresses only, within a limit of bytes and one of time.

Each redirect is checked as the URL itself is. Neither proxies nor credentials of the environment are used.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from contextlib import closing
from http import HTTPStatus
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from freeseg.errors import PhotoError, one_line, reason, shortened
from freeseg.files import path_for_message
from freeseg.photos.decoding import begins_like_photo
from freeseg.photos.web_connection import CheckedConnection, NotPublic

MAX_BYTES = 50_000_000  # of a photo from the web
MAX_SECONDS = 30.0  # for all of it: redirects, connections and content
MAX_REDIRECTS = 5
_PIECE = 65_536
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": "FreeSeg (+https://github.com/freeseg/freeseg)", "Accept": "image/*", "Connection": "close"}
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)
_DIRECT = "download it and give the file"
_ALLOW = (
    "is no public address; to allow it, add --allow-private-addresses, or give WebPhoto(url, allow_private=True) in "
    "Python"
)


def fetch(url: str, *, allow_private: bool = False) -> bytes:
    """The file of a photo on the web.

    Args:
        url: It begins with http:// or https://.
        allow_private: Whether it may be fetched from an address that is not public.

    Raises:
        PhotoError: It cannot be fetched, is too large, takes too long, or is no picture.

    Example:
        >>> fetch("http://10.0.0.1/cat.jpg")
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read http://10.0.0.1/cat.jpg: 10.0.0.1 is no public address; to allow it, \
add --allow-private-addresses, or give WebPhoto(url, allow_private=True) in Python
    """
    name, end = path_for_message(url), time.monotonic() + MAX_SECONDS
    try:
        content = _fetched(url, name, end, allow_private)
        if time.monotonic() >= end:  # a connection that was cut may look like one that ended
            raise TimeoutError
    except (PhotoError, NotPublic, OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= end:
            raise _refusal(name, f"it took more than {MAX_SECONDS:g} seconds; try again later, or {_DIRECT}") from error
        if isinstance(error, PhotoError):
            raise
        raise _refusal(name, _cause(error)) from error
    return content


def _fetched(url: str, name: str, end: float, allow_private: bool) -> bytes:
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked(url, name)
        connection = CheckedConnection(parts, end=end, allow_private=allow_private)
        with closing(connection), connection.cut_at_end():
            target = quote(parts.path or "/", safe="/%:=&~+!$,;'@()*") + (parts.query and "?")
            connection.request("GET", target + quote(parts.query, safe="/%:=&?~+!$,;'@()*[]"), headers=_HEADERS)
            response = connection.getresponse()
            if response.status not in _REDIRECTS:
                return _content(response, name)
            location = response.getheader("Location", "")
            url = urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace"))
    raise _refusal(name, f"it leads to more than {MAX_REDIRECTS} other addresses, one after the other; {_DIRECT}")


def _checked(url: str, name: str) -> SplitResult:
    """The parts of a URL that may be fetched."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        fix = "give the path" if parts.scheme == "file" else _DIRECT
        raise _refusal(name, f"only http and https are fetched, and not {shortened(parts.scheme)}; {fix}")
    if "@" in parts.netloc:
        raise _refusal(name, f"URLs with a user or a password are not fetched; {_DIRECT}")
    if not parts.hostname:
        raise ValueError("no host")
    return parts


def _content(response: http.client.HTTPResponse, name: str) -> bytes:
    """What the server sends, if it is a picture."""
    if response.status != HTTPStatus.OK:
        words = HTTPStatus(response.status).phrase if response.status in set(HTTPStatus) else "which nobody knows"
        raise _refusal(name, f"the server answers {response.status} ({words}); check the URL in a browser")
    too_large = _refusal(name, f"more than {MAX_BYTES:,} bytes, the most that are fetched; {_DIRECT}")
    if response.length is not None and response.length > MAX_BYTES:
        raise too_large
    file = io.BytesIO()
    while piece := response.read(min(_PIECE, MAX_BYTES + 1 - file.tell())):
        if file.tell() == 0 and not begins_like_photo(piece):
            kind = _MEDIA_TYPE.match(response.getheader("Content-Type", ""))
            sent = f"the server sends {kind[0]} and no picture" if kind else "the server sends no picture"
            raise _refusal(name, f"{sent}; give the URL of the picture itself")
        file.write(piece)
        if file.tell() > MAX_BYTES:
            raise too_large
    if file.tell() == 0 or response.length:
        raise _refusal(name, "the connection ended before all of it was there; try again")
    return file.getvalue()


def _cause(error: Exception) -> str:
    if isinstance(error, NotPublic):
        return f"{error} {_ALLOW}"
    if isinstance(error, socket.gaierror):
        return "its host is not known here; check the URL and your network"
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or "no reason given"
        return f"no secure connection ({one_line(why)}); check the URL, and this machine's clock and certificates"
    if isinstance(error, TimeoutError):
        return "the server does not answer; try again later"
    if isinstance(error, ConnectionRefusedError):
        return "the server refuses connections; check the host and the port"
    if isinstance(error, OSError):
        return f"the connection failed ({reason(error).lower()}); check your network, and try again"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, http.client.InvalidURL):
        return "the server's answer is no HTTP, or is not whole; check the URL, and try again"
    return "it is no valid URL; write it as https://HOST/PATH"


def _refusal(name: str, cause: str) -> PhotoError:
    return PhotoError(f"cannot read {name}: {cause}")
