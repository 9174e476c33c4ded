"""Connections to the server."""

from __future__ import annotations

import socket

from freeseg.serve.running import listen
from freeseg.serve.settings import Access


def test_answers_do_not_wait_for_receipts() -> None:
    """Otherwise every answer whose header and body are sent apart takes 40 ms longer."""
    with listen(Access(port=0)) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
