"""What `freeseg serve` can be told: where it listens, who may ask, and how much it takes on. Light: help imports it."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from freeseg.bounds import Bounds, check_fields
from freeseg.errors import FreeSegError, shortened

MEGA = 1_000_000
TOKEN_VARIABLE = "FREESEG_TOKEN"  # noqa: S105 - the name of a variable
LEAST_TOKEN = 16  # characters
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Limits:
    """How much the server takes on. What is beyond a limit is answered by an error that names the limit.

    Attributes:
        max_megabytes: Megabytes of a photo's file.
        max_request_megabytes: Megabytes of a whole request, which may hold several photos.
        max_upload_megabytes: Megabytes of all requests that are being received or worked on. A request beyond that is
            told to come back later.
        max_megapixels: Millions of pixels of a photo, counted from what its header says, before it is decoded.
        max_labels: Labels of a request.
        max_words: Words of all labels of a request, synonyms among them.
        max_label_length: Characters of a word.
        max_batch: Photos of a batch.
        max_waiting: Requests that wait for the model. One more is told to come back later.
        max_connections: Open connections.
        upload_seconds: Seconds in which a request must have arrived, and an answer must have been taken.
        stop_seconds: Seconds that running requests have to finish when the server is stopped.
        keep_photos: Photos that are kept in memory for further questions. The one that was asked for longest ago goes.
        keep_megabytes: Megabytes of memory for kept photos, about 6 for each of 500x375 pixels.
        keep_minutes: Minutes after which a photo that nobody asks for goes.

    Raises:
        FreeSegError: A number makes no sense; the message names it.

    Example:
        >>> Limits(keep_photos=8).max_labels
        300
    """

    max_megabytes: Annotated[float, Bounds(above=0, most=10_000)] = 25
    max_request_megabytes: Annotated[float, Bounds(above=0, most=100_000)] = 200
    max_upload_megabytes: Annotated[float, Bounds(above=0, most=1_000_000)] = 500
    max_megapixels: Annotated[float, Bounds(above=0, most=1_000)] = 50
    max_labels: Annotated[int, Bounds(1, 65_534)] = 300
    max_words: Annotated[int, Bounds(1, 1_000_000)] = 1_000
    max_label_length: Annotated[int, Bounds(1, 10_000)] = 100
    max_batch: Annotated[int, Bounds(1, 10_000)] = 64
    max_waiting: Annotated[int, Bounds(0, 100_000)] = 32
    max_connections: Annotated[int, Bounds(1, 100_000)] = 500
    upload_seconds: Annotated[float, Bounds(above=0, most=86_400)] = 30
    stop_seconds: Annotated[float, Bounds(0, 86_400)] = 30
    keep_photos: Annotated[int, Bounds(0, 1_000_000)] = 64
    keep_megabytes: Annotated[float, Bounds(0, 1_000_000)] = 400
    keep_minutes: Annotated[float, Bounds(above=0, most=525_600)] = 30

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def photo_bytes(self) -> int:
        """The largest file of a photo."""
        return int(self.max_megabytes * MEGA)

    @property
    def request_bytes(self) -> int:
        """The largest request."""
        return int(self.max_request_megabytes * MEGA)


@dataclass(frozen=True)
class Access:
    """Where the server listens and who may ask it.

    Attributes:
        host: Address to listen at. Others than those of this machine alone need a token.
        port: Port to listen at. 0 takes one that is free.
        token: Text that every request must carry (Authorization: Bearer ...), at least 16 characters. The variable
            FREESEG_TOKEN gives it without showing it in the list of processes.
        open_to_all: Listen at an address that other machines reach without asking for a token.
        allow_host: Names, separated by commas, under which browsers may reach the server, besides its own address:
            that of a reverse proxy, for example.
        allow_origin: Pages, separated by commas, whose scripts may use the API: https://example.org. * for all.
        log_words: Write the words that were asked for to the log as well.
        photos: Folder that the tasks of Label Studio name photos in. Without it, tasks must hold their photos.

    Raises:
        FreeSegError: It would be open to others without a token, or a value makes no sense.

    Example:
        >>> Access().is_loopback
        True
        >>> Access(host="0.0.0.0")
        Traceback (most recent call last):
        freeseg.errors.FreeSegError: 0.0.0.0 can be reached from other machines; set a token (the variable \
FREESEG_TOKEN), or give --open-to-all
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Bounds(0, 65_535)] = 8000
    token: str | None = None
    open_to_all: bool = False
    allow_host: str = ""
    allow_origin: str = ""
    log_words: bool = False
    photos: Path | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.token is None and (from_environment := os.environ.get(TOKEN_VARIABLE)):
            object.__setattr__(self, "token", from_environment)  # the class is frozen for everybody else
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not self.token.isascii() or " " in self.token):
            raise FreeSegError(
                f"the token must have at least {LEAST_TOKEN} characters, without spaces and accents; "
                'python -c "import secrets; print(secrets.token_urlsafe())" makes one'
            )
        if not self.is_loopback and self.token is None and not self.open_to_all:
            raise FreeSegError(
                f"{self.host} can be reached from other machines; set a token (the variable {TOKEN_VARIABLE}), or give "
                "--open-to-all"
            )
        for origin in self.origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise FreeSegError(f"{shortened(origin)} is no origin of pages; write it as https://example.org")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> frozenset[str]:
        """The names, in lower case, under which a browser may reach a server that asks for no token; empty for any."""
        if self.token is not None or self.open_to_all:
            return frozenset()
        return frozenset({*LOOPBACK_NAMES, self.host.lower(), *(name.lower() for name in _listed(self.allow_host))})

    @property
    def origins(self) -> tuple[str, ...]:
        """The pages of other origins whose scripts may use the API."""
        return tuple(origin.rstrip("/") for origin in _listed(self.allow_origin))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
