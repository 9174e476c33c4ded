"""A store that speaks the protocol of S3, in a process of its own: moto's, some of whose answers come late or fail.

python tests/flaky_store.py PORT SHARE_THAT_FAILS SHARE_THAT_IS_LATE
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

LATE_SECONDS = 0.5
_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Flaky:
    """A WSGI application some of whose answers come late, or are that it has too much to do."""

    def __init__(self, app: Any, failing: float, late: float):
        self.app, self.failing, self.late = app, failing, late
        self._chance = random.Random(0)  # noqa: S311 - no secret

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        if not environ["PATH_INFO"].startswith("/moto-api"):
            if self._chance.random() < self.late:
                time.sleep(LATE_SECONDS)
            if self._chance.random() < self.failing:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", str(len(_BUSY)))])
                return [_BUSY]
        answer: Iterable[bytes] = self.app(environ, start)
        return answer


def main() -> None:
    """Answer until the process is killed."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    port, failing, late = sys.argv[1:]
    app = Flaky(DomainDispatcherApplication(create_backend_app), float(failing), float(late))
    run_simple("127.0.0.1", int(port), app, threaded=True)


if __name__ == "__main__":
    main()
