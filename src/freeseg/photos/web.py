"""Photos from the web, as a user names them: they are fetched when they are read, and not before."""

from __future__ import annotations

import io
from dataclasses import dataclass

from freeseg.urls import is_url


class WebFile(io.BytesIO):
    """The file of a photo that was fetched.

    Args:
        content: Of the file.
        name: Its URL.
    """

    def __init__(self, content: bytes, name: str):
        super().__init__(content)
        self.name = name


@dataclass(frozen=True)
class WebPhoto:
    """A photo on the web, which is fetched when it is read.

    A text that is a URL does the same in Python; this class can also allow addresses that are not public.

    Attributes:
        url: It begins with http:// or https://.
        allow_private: Whether it may be fetched from an address of a private network, or of this machine.

    Example:
        >>> WebPhoto("http://127.0.0.1/cat.jpg").fetch()
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read http://127.0.0.1/cat.jpg: 127.0.0.1 is no public address; to allow it, \
add --allow-private-addresses, or give WebPhoto(url, allow_private=True) in Python
    """

    url: str
    allow_private: bool = False

    def fetch(self) -> WebFile:
        """The photo's file, from its start.

        Raises:
            PhotoError: It cannot be fetched, is too large, takes too long, or is no picture.
        """
        from freeseg.photos.web_fetching import fetch  # what it imports takes a while

        return WebFile(fetch(self.url, allow_private=self.allow_private), self.url)


def web_photo(given: object, *, allow_private: bool = False) -> WebPhoto | None:
    """A text as a photo on the web, if it is a URL. A `Path` is none: it has lost a slash.

    Example:
        >>> web_photo("https://example.org/cat.jpg"), web_photo("cat.jpg")
        (WebPhoto(url='https://example.org/cat.jpg', allow_private=False), None)
    """
    text = given.strip() if isinstance(given, str) else ""
    return WebPhoto(text, allow_private) if is_url(text) else None
