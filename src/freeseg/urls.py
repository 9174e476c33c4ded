"""URLs as texts: telling them from paths, naming what they lead to, and showing them in messages."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter would be a drive of Windows
_ONE_SLASH = re.compile(r"(https?):/(?=[^/])", re.IGNORECASE)  # what `Path` makes of a URL
_USER = re.compile(r"(//)[^/?#]*@")
_UNNAMED = ("", ".", "..")


def is_url(text: str) -> bool:
    r"""Whether a text is a URL and no path, whatever its scheme.

    Example:
        >>> is_url("https://example.org/cat.jpg"), is_url("C:\\cat.jpg"), is_url("./https://a"), is_url("cat.jpg")
        (True, False, False, False)
    """
    return bool(_URL.match(text))


def shown_url(text: str) -> str:
    """A URL for a message: both slashes, and neither a user nor a query in it, which may be secret.

    Any other text is as it was.

    Example:
        >>> shown_url("https://me:secret@example.org/cat.jpg?key=1"), shown_url("https:/example.org/cat.jpg")
        ('https://example.org/cat.jpg?...', 'https://example.org/cat.jpg')
        >>> shown_url("a?.jpg")
        'a?.jpg'
    """
    whole = _ONE_SLASH.sub(r"\1://", text) if _ONE_SLASH.match(text) else text
    if not is_url(whole):
        return text
    address, query, _ = _USER.sub(r"\1", whole, count=1).partition("#")[0].partition("?")
    return f"{address}?..." if query else address


def url_name(url: str) -> str:
    """The name of the file that a URL leads to: the last part of its path, or else its host's, without dots.

    Example:
        >>> url_name("https://example.org/a/caf%C3%A9.jpg?size=2"), url_name("https://example.org/")
        ('café.jpg', 'example-org')
        >>> url_name("https://example.org/..%2F..%2Fcat.jpg")
        'cat.jpg'
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in brackets that is no address
        return "photo"
    last = PurePosixPath(unquote(PurePosixPath(parts.path).name).replace("\\", "/")).name
    kept = "".join(letter for letter in last if letter.isprintable())
    return kept if kept not in _UNNAMED else re.sub(r"\W", "-", parts.hostname or "photo")
