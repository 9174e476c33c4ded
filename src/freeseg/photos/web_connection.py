"""Connections to a host whose addresses were checked, and which end in time.

A host's name is resolved once, each of its addresses is checked, and the connection goes to an address that was
checked, so that a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread, Timer
from urllib.parse import SplitResult

_NAT64 = IPv6Network("64:ff9b::/96")  # the addresses by which networks without IPv4 reach it


class NotPublic(Exception):  # noqa: N818 - it is caught where it becomes an error for users
    """An address that is not of the public internet."""


class CheckedConnection(http.client.HTTPConnection):
    """A connection to an address of a host that was checked, which is cut when the time is over.

    Args:
        parts: Of the URL.
        end: When the time is over, as `time.monotonic` tells it.
        allow_private: Whether the host may have addresses that are not public.

    Raises:
        ValueError: The URL's port is none.
    """

    def __init__(self, parts: SplitResult, *, end: float, allow_private: bool):
        self.default_port = 443 if parts.scheme == "https" else 80
        super().__init__(str(parts.hostname), parts.port or self.default_port)
        self._is_secure, self._end, self._allow_private = parts.scheme == "https", end, allow_private
        self._watched: socket.socket | None = None

    def connect(self) -> None:
        """Resolve the host, check its addresses, and connect to the first one that answers.

        Raises:
            NotPublic: One of its addresses is not public, and that is not allowed.
            OSError: It is not known, does not answer, or is not the one of its certificate.
        """
        addresses = _addresses(self.host, self.port, self._end)
        if not self._allow_private and (bad := next((each for each in addresses if not is_public(each)), None)):
            raise NotPublic(bad)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                self.sock = socket.create_connection((address, self.port), _left(self._end) / left)
                break
            except OSError:
                if left == 1:
                    raise
        if self._is_secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self._watched = self.sock
        self.sock.settimeout(_left(self._end))  # after the line above, or the timer might have come before it
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    @contextmanager
    def cut_at_end(self) -> Iterator[None]:
        """End what is under way when the time is over, also with a server that sends a byte now and then."""

        def cut() -> None:
            time.sleep(max(0.0, self._end - time.monotonic()))  # a timer may be a little early
            with suppress(OSError):
                if self._watched:
                    socket.socket.shutdown(self._watched, socket.SHUT_RDWR)

        timer = Timer(_left(self._end), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _addresses(host: str, port: int, end: float) -> list[str]:
    """The addresses of a host, in another thread: the system may take its time."""
    found: list[str] = []
    failed: list[Exception] = []

    def resolve() -> None:
        try:
            found.extend(str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            failed.append(error)

    thread = Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(_left(end))
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return list(dict.fromkeys(found))


def is_public(address: str) -> bool:
    """Whether an address is of the public internet; of an IPv6 address that stands for one of IPv4, whether that is.

    Example:
        >>> [is_public(each) for each in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
        [True, False, False, False, False]
    """
    parsed: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(parsed, IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is None and parsed in _NAT64:
            inner = IPv4Address(parsed.packed[-4:])
        if inner is not None:
            return is_public(str(inner))
        if parsed.is_site_local:
            return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)


def _left(end: float) -> float:
    """How many seconds are left."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
