"""Errors as clients see them: problem details (RFC 9457) with a cause and a fix, each of one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from freeseg.errors import FreeSegError, LabelError, PhotoError, one_line

PROBLEM = "application/problem+json"
CLIENT_GONE = 499  # nginx's status of a request whose client did not wait for the answer; nobody reads it
_CHARACTERS = 500  # of a detail or a fix


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """What is wrong with a request, or with answering it.

    Attributes:
        status: The HTTP status.
        kind: What kind of problem it is, in lower case with hyphens; clients can tell problems apart by it.
        detail: The cause, one line.
        fix: What to do, one line.
        headers: What the answer carries besides.

    Example:
        >>> Problem(413, "photo-too-large", "the photo has 30 MB", "send at most 25 MB").to_dict()["title"]
        'Content Too Large'
    """

    status: int
    kind: str
    detail: str
    fix: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    def to_dict(self) -> dict[str, Any]:
        """As RFC 9457 has it."""
        return {
            "type": f"urn:freeseg:problem:{self.kind}",
            "title": _title(self.status),
            "status": self.status,
            "detail": one_line(self.detail)[:_CHARACTERS],
            "fix": one_line(self.fix)[:_CHARACTERS],
        }

    def content(self) -> bytes:
        """The body of the answer."""
        return json.dumps(self.to_dict()).encode()

    def response(self) -> Response:
        """The answer."""
        return Response(self.content(), self.status, media_type=PROBLEM, headers=dict(self.headers))


def problem_of(error: Exception) -> Problem:
    """What to tell a client of an error: a photo's and a label's in its own words, of any other that there was one.

    Only what the client sent is named: other errors may hold paths of this machine.
    """
    if isinstance(error, Problem):
        return error
    cause, _, fix = one_line(error).partition("; ")
    if isinstance(error, PhotoError):
        return Problem(422, "photo", cause.replace("the bytes", "the photo"), fix or "send another photo")
    if isinstance(error, LabelError):
        return Problem(422, "labels", cause, fix or "send other labels")
    kind = "cannot-answer" if isinstance(error, FreeSegError) else "internal"
    return Problem(500, kind, "the server could not answer this request", "look into the server's log")


def busy(seconds: float) -> Problem:
    """The server has too much to do.

    Args:
        seconds: When it may be worth to ask again.
    """
    wait = max(1, round(seconds))
    return Problem(503, "busy", "too many requests are waiting", f"ask again in {wait} s", {"Retry-After": str(wait)})


def stopping() -> Problem:
    """The server is being stopped."""
    return Problem(503, "stopping", "the server is being stopped", "ask again in a while", {"Retry-After": "5"})


def _title(status: int) -> str:
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase
