"""Photos that are kept: looked at once, asked about many times."""

from __future__ import annotations

import asyncio
import re

import numpy as np
from fastapi import APIRouter
from PIL import Image
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freeseg.decision.maps import minmax
from freeseg.files import FLAT_PNG, encode_picture
from freeseg.results.heatmap import heatmap
from freeseg.serve.answers import PNG, choose_form
from freeseg.serve.asking import photo_id, read_labels
from freeseg.serve.bodies import flag
from freeseg.serve.kept import KeptPhoto
from freeseg.serve.problems import Problem
from freeseg.serve.schema import (
    BINARY,
    PICTURE_PARAMETERS,
    KeptPhotoEntry,
    Question,
    json_body,
    photo_body,
    pictures,
    problems,
)
from freeseg.serve.server import Asked, SegmentServer
from freeseg.words import Vocabulary

_ID = re.compile(r"[0-9a-f]{64}")
_MAP_SIDE = 2048  # pixels on the longer side of a similarity map


def router(server: SegmentServer) -> APIRouter:
    """The addresses."""
    routes = APIRouter(prefix="/v1/photos", tags=["Kept photos"])

    def find(id: str) -> KeptPhoto:
        kept = server.kept.find(id) if _ID.fullmatch(id) else None
        if kept is None:
            raise Problem(
                404, "photo-not-kept", "no photo of this id is kept", "send the photo again (POST /v1/photos)"
            )
        return kept

    @routes.post(
        "",
        summary="Keep a photo",
        status_code=201,
        response_model=KeptPhotoEntry,
        responses=problems(400, 401, 408, 413, 415, 422, 503),
        openapi_extra=photo_body(fields=False),
    )
    async def keep(request: Request) -> Response:
        """Send a photo, to ask about it many times. The model looks at it once; the answer is its id."""
        photo = (await server.uploads.read_form(request)).photo()
        id = await asyncio.to_thread(photo_id, photo.content)
        kept = server.kept.find(id) or server.kept.keep(id, await server.look(request, photo.content))
        return JSONResponse(_described(kept, server), 201)

    @routes.get(
        "/{id}", summary="Describe a kept photo", response_model=KeptPhotoEntry, responses=problems(401, 404, 422)
    )
    async def describe(id: str) -> Response:
        """Whether a photo is kept, and for how long."""
        return JSONResponse(_described(find(id), server))

    @routes.delete(
        "/{id}",
        summary="Forget a kept photo",
        status_code=204,
        response_class=Response,
        responses=problems(401, 404, 422),
    )
    async def forget(id: str) -> Response:
        """Forget a photo."""
        find(id)
        server.kept.drop(id)
        return Response(status_code=204)

    @routes.post(
        "/{id}/segment",
        summary="Segment a kept photo",
        responses={**pictures(), **problems(400, 401, 404, 406, 415, 422, 503)},
        openapi_extra={**json_body(Question), "parameters": PICTURE_PARAMETERS},
    )
    async def segment(id: str, request: Request) -> Response:
        """Segment a kept photo by words. New words cost the words and the decision only."""
        kept, query = find(id), request.query_params
        form = choose_form(request.headers.get("accept", ""), query.get("picture", ""), query.get("label", ""))
        question = _question(await server.uploads.read_json(request))
        vocabulary = read_labels(question.labels, server.limits)
        return await server.answer(request, Asked(kept.seen, vocabulary, question.background, id), form)

    @routes.get(
        "/{id}/similarity",
        summary="Draw where a kept photo answers to a label",
        response_class=Response,
        responses={200: {"content": {PNG: {"schema": BINARY}}}, **problems(401, 404, 422, 503)},
    )
    async def similarity(id: str, request: Request, label: str, plain: str = "") -> Response:
        """How well each part of a kept photo answers to a label: a heat map as PNG.

        With `plain=1` it is the map alone, as 8-bit grey that goes from its smallest to its largest value.
        """
        kept = find(id)
        vocabulary = read_labels([label], server.limits)
        is_plain = flag({"plain": plain}, "plain", False)
        return await server.do(request, lambda: _heatmap(server, kept, vocabulary, is_plain))

    return routes


def _described(kept: KeptPhoto, server: SegmentServer) -> dict[str, object]:
    width, height = kept.seen.size
    return {"id": kept.id, "width": width, "height": height, "expires_in": server.kept.seconds_left(kept)}


def _question(given: object) -> Question:
    try:
        return Question.model_validate(given)
    except ValidationError as error:
        fields = ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})) or "the body"
        what = f"the question is not as expected; see {fields[:100]}"
        fix = 'send {"labels": ["cat|kitten", "dog"], "background": true}'
        raise Problem(422, "question", what, fix) from error


def _heatmap(server: SegmentServer, kept: KeptPhoto, vocabulary: Vocabulary, is_plain: bool) -> Response:
    """The similarity of a photo with the one label of a vocabulary, as PNG."""
    seen = kept.seen
    size = seen.size[::-1]
    scale = min(1.0, _MAP_SIDE / max(size))  # the page draws it larger; the patches are far coarser
    maps = server.model.similarity(seen, vocabulary, size=(_scaled(size[0], scale), _scaled(size[1], scale)))
    values = minmax(maps)[0]
    grey = Image.fromarray((255 * values).round().astype(np.uint8))
    picture = grey if is_plain else heatmap(values, seen.photo())
    return Response(encode_picture(picture, "PNG", **FLAT_PNG), media_type=PNG)


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))
