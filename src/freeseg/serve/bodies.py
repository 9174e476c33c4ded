"""Reading requests: never more than the limits allow, never for longer, and never onto the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from freeseg.errors import FreeSegError
from freeseg.files import parse_json
from freeseg.serve.problems import Problem, busy
from freeseg.serve.settings import MEGA, Limits
from freeseg.serve.work import ClientGone

TEXT_BYTES = 1_000_000  # of a JSON body, or of a field of a form
_ROOM = "freeseg_body_bytes"  # in a request's state: how many bytes of its body are counted
_FIELDS = 16  # of a form, besides photos
_NAME_CHARACTERS = 255


@dataclass(frozen=True)
class Upload:
    """A photo of a request: its bytes, and the name that the client gave it, which is text and no path."""

    content: bytes
    name: str = ""


@dataclass
class Form:
    """What a request holds."""

    photos: list[Upload] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def photo(self) -> Upload:
        """Its one photo.

        Raises:
            Problem: There is none.
        """
        if len(self.photos) != 1:
            raise Problem(
                422,
                "photo",
                "the request holds no photo" if not self.photos else "the request holds several photos",
                'send one as the field "photo" of a multipart form, or as the whole body, of a type such as image/png',
            )
        return self.photos[0]


class Uploads:
    """Counts the bytes of all requests that are in memory, until `release` is called for them.

    Args:
        limits: How many there may be.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self.bytes = 0

    async def read(self, request: Request, *, most: int) -> bytes:
        """The whole body of a request.

        Raises:
            Problem: It is larger than `most`, comes too slowly, or finds no room.
            ClientGone: The client closed the connection.
        """
        return b"".join([chunk async for chunk in self._chunks(request, most)])

    async def read_json(self, request: Request, *, most: int = TEXT_BYTES) -> Any:
        """A body of JSON, of `most` bytes.

        Raises:
            Problem: It is none; and as of `read`.
        """
        kind = _kind(request)
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise Problem(415, "media-type", f"a body of type {kind[:50]!r} was sent", "send application/json")
        try:
            return parse_json(await self.read(request, most=most))
        except (ValueError, RecursionError, FreeSegError) as error:
            raise Problem(400, "json", "the body is no JSON", "send a JSON object") from error

    async def read_form(self, request: Request, *, photos: int = 1) -> Form:
        """The photos and the fields of a request: a multipart form, or a photo as the whole body.

        Args:
            request: The request. Fields of a photo that is the whole body are in its query.
            photos: How many photos it may hold.

        Raises:
            Problem: It holds anything else, or too much of it.
            ClientGone: The client closed the connection.
        """
        kind, limits = _kind(request), self.limits
        if kind == "multipart/form-data":
            most = limits.request_bytes if photos > 1 else limits.photo_bytes + TEXT_BYTES
            form = await self._parse(request, most, photos)
        elif kind.startswith("image/") or kind == "application/octet-stream":
            content = await self.read(request, most=limits.photo_bytes)
            form = Form([Upload(content)] if content else [])
        else:
            got = f"a body of type {kind[:50]!r} was sent" if kind else "the body has no type"
            raise Problem(415, "media-type", got, "send a photo as image/jpeg, image/png, ..., or as a multipart form")
        form.fields = {**dict(request.query_params), **form.fields}
        for photo in form.photos:
            check_bytes(len(photo.content), limits)
        return form

    def release(self, scope: Scope) -> None:
        """A request is answered, or nobody waits for its answer: give back the room that its body took."""
        self.bytes -= scope.get("state", {}).pop(_ROOM, 0)

    async def _parse(self, request: Request, most: int, photos: int) -> Form:
        parser = _Parser(
            request.headers,
            self._chunks(request, most),  # type: ignore[arg-type]
            max_files=photos,
            max_fields=_FIELDS,
            max_part_size=TEXT_BYTES,
        )
        parser.spool_max_size = most + 1  # what is larger would go to a file on the disk
        try:
            parsed = await parser.parse()
        except MultiPartException as error:
            raise _wrong_form(error, photos) from error
        if not parser.has_ended:
            raise Problem(400, "form", "the form is cut: its end is missing", "send it again")
        found = Form()
        for name, value in parsed.multi_items():
            if isinstance(value, UploadFile):
                if name not in ("photo", "photos", "file"):
                    raise Problem(422, "field", "a file stands in another field than photo", 'call its field "photo"')
                found.photos.append(Upload(await value.read(), (value.filename or "")[:_NAME_CHARACTERS]))
            else:
                found.fields[name] = value
        await parsed.close()
        return found

    async def _chunks(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """The body as it comes; each part of it is counted before more is taken."""
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(415, "content-encoding", "the body is compressed", "send it as it is")
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > most:
            raise _too_large(most)
        loop, got = asyncio.get_running_loop(), 0
        deadline = loop.time() + self.limits.upload_seconds
        stream = request.stream()
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(stream, None)
            except ClientDisconnect as error:
                raise ClientGone from error
            except TimeoutError as error:
                seconds = f"{self.limits.upload_seconds:g} s"
                fix = "send it faster, or a smaller photo"
                headers = {"Connection": "close"}
                raise Problem(408, "too-slow", f"the request did not arrive within {seconds}", fix, headers) from error
            if chunk is None:
                return
            got += len(chunk)
            if got > most:
                raise _too_large(most)
            if self.bytes + len(chunk) > self.limits.max_upload_megabytes * MEGA:
                raise busy(1)
            self.bytes += len(chunk)
            state = request.scope.setdefault("state", {})
            state[_ROOM] = state.get(_ROOM, 0) + len(chunk)
            yield chunk


class _Parser(MultiPartParser):
    """Starlette's parser, which says whether the form came to its end; what is cut would be left out without a word."""

    has_ended = False

    def on_end(self) -> None:
        self.has_ended = True


def check_bytes(nbytes: int, limits: Limits) -> None:
    """Refuse a photo whose file is too large.

    Raises:
        Problem: It is.
    """
    if nbytes > limits.photo_bytes:
        raise _too_large(limits.photo_bytes)


def flag(fields: dict[str, str], name: str, default: bool) -> bool:
    """A field that says yes or no.

    Raises:
        Problem: It says something else.

    Example:
        >>> flag({"background": "0"}, "background", True), flag({}, "background", True)
        (False, True)
    """
    text = fields.get(name, "").strip().lower()
    if text in ("", "true", "1", "yes", "on"):
        return True if text else default
    if text in ("false", "0", "no", "off"):
        return False
    raise Problem(422, "field", f"{name} is neither true nor false", f"give {name}=true or {name}=false")


def _kind(request: Request) -> str:
    """The type of the body."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "too-large",
        f"the request is larger than {most / MEGA:g} MB, which is all that is taken",
        "send a smaller photo, or fewer",  # the connection stays: closed at once, the client would not see this
    )


def _wrong_form(error: MultiPartException, photos: int) -> Problem:
    said = error.message
    if "Too many files" in said:
        fix = f"send at most {photos} photos" if photos > 1 else "send one photo, or several to POST /v1/batch"
        return Problem(413 if photos > 1 else 422, "too-many-photos", "the form holds too many photos", fix)
    if "exceeded" in said or "Too many fields" in said:
        return Problem(413, "form", "the form holds too many fields, or one that is too large", "leave some out")
    return Problem(400, "form", "the body is no multipart form", "let a library for HTTP write the form")
