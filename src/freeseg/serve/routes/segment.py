"""A photo and words in one request, and many photos in one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from freeseg.serve.answers import choose_form
from freeseg.serve.asking import read_labels
from freeseg.serve.bodies import Upload, flag
from freeseg.serve.problems import problem_of
from freeseg.serve.schema import LABEL_PARAMETERS, PICTURE_PARAMETERS, BatchLine, photo_body, pictures, problems
from freeseg.serve.server import Asked, SegmentServer
from freeseg.serve.watching import log_error
from freeseg.words import Vocabulary


class Lines(StreamingResponse):
    """Lines of JSON, each sent as soon as it is there."""

    media_type = "application/x-ndjson"


# FastAPI takes every answer that is not JSON for a text.
_IS_OBJECT = {"200": {"content": {Lines.media_type: {"schema": {"type": "object"}}}}}


def router(server: SegmentServer) -> APIRouter:
    """The addresses."""
    routes = APIRouter(prefix="/v1", tags=["Segmentation"])

    @routes.post(
        "/segment",
        summary="Segment a photo",
        responses={**pictures(), **problems(400, 401, 406, 408, 413, 415, 422, 503)},
        openapi_extra={**photo_body(), "parameters": [*LABEL_PARAMETERS, *PICTURE_PARAMETERS]},
    )
    async def segment(request: Request) -> Response:
        """Segment a photo by words. Nothing of it is kept."""
        query = request.query_params
        shape = choose_form(request.headers.get("accept", ""), query.get("picture", ""), query.get("label", ""))
        form = await server.uploads.read_form(request)
        photo = form.photo()
        vocabulary = read_labels(form.fields.get("labels"), server.limits)
        background = flag(form.fields, "background", True)
        asked = Asked(photo.content, vocabulary, background, name=photo.name)
        return await server.answer(request, asked, shape)

    @routes.post(
        "/batch",
        summary="Segment many photos",
        response_class=Lines,
        responses={200: {"model": BatchLine}, **problems(400, 401, 408, 413, 415, 422, 503)},
        openapi_extra={**photo_body(several=True), "responses": _IS_OBJECT},
    )
    async def batch(request: Request) -> Response:
        """Segment many photos by the same words: a line of JSON for each, as it is done."""
        form = await server.uploads.read_form(request, photos=server.limits.max_batch)
        if not form.photos:
            form.photo()
        vocabulary = read_labels(form.fields.get("labels"), server.limits)
        background = flag(form.fields, "background", True)
        server.work.check_room()
        return Lines(_lines(server, form.photos, vocabulary, background))

    return routes


async def _lines(
    server: SegmentServer, photos: list[Upload], vocabulary: Vocabulary, background: bool
) -> AsyncIterator[bytes]:
    """The lines of a batch, as its photos are done. Of each batch, no more photos are queued than there are threads."""
    coming = enumerate(photos)
    working: set[asyncio.Task[bytes]] = set()
    try:
        while True:
            for index, photo in coming:
                working.add(asyncio.create_task(_line(server, index, photo, vocabulary, background)))
                if len(working) >= server.work.threads:
                    break
            if not working:
                return
            done, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                yield each.result()
    finally:
        for task in working:
            task.cancel()


async def _line(server: SegmentServer, index: int, photo: Upload, vocabulary: Vocabulary, background: bool) -> bytes:
    """The line of a photo: its result, or what is wrong with it."""
    place: dict[str, Any] = {"index": index, "file": photo.name}
    asked = Asked(photo.content, vocabulary, background, name=photo.name)
    try:
        found = await server.work.do(lambda: server.segment(asked).to_dict(), patient=True)
    except Exception as error:
        problem = problem_of(error)
        if problem.status == 500:
            log_error(error)
        found = {"problem": problem.to_dict()}
    return json.dumps({**place, **found}, separators=(",", ":")).encode() + b"\n"
