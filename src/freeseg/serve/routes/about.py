"""What the server is: its models, its lists of words, whether it is well, and its numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from freeseg.serve.problems import Problem
from freeseg.serve.schema import Models, Vocabularies, problems
from freeseg.serve.server import SegmentServer
from freeseg.words.lists import label_list, names

TITLES = {
    "common": ("Everyday things", True),
    "voc20": ("PASCAL VOC, 20 things", False),
    "voc21": ("PASCAL VOC, 20 things and background", True),
}


def router(server: SegmentServer) -> APIRouter:
    """The addresses."""
    routes = APIRouter()

    @routes.get("/v1/models", summary="List models", response_model=Models, responses=problems(401), tags=["About"])
    async def models() -> JSONResponse:
        """The models that answer."""
        config, engine = server.model.config, server.model.engine
        entry = {
            "name": config.name,
            "default": True,
            "engine": engine.name,
            "precision": engine.precision,
            "licence": config.licence,
        }
        return JSONResponse({"models": [entry]})

    @routes.get(
        "/v1/vocabularies",
        summary="List vocabularies",
        response_model=Vocabularies,
        responses=problems(401),
        tags=["About"],
    )
    async def vocabularies() -> JSONResponse:
        """The lists of labels that ship with FreeSeg; their names can be given for labels."""
        return JSONResponse({"vocabularies": _vocabularies()})

    @routes.get("/health", tags=["Operation"])
    async def health() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "ok"}

    @routes.get("/ready", responses=problems(503), tags=["Operation"])
    async def ready() -> dict[str, str]:
        """Whether requests are answered: the model is loaded, and the server is not being stopped."""
        if not server.is_ready or server.work.closed:
            raise Problem(503, "not-ready", "the server is starting or stopping", "wait", {"Retry-After": "1"})
        return {"status": "ready"}

    @routes.get("/metrics", responses=problems(401), response_class=Response, tags=["Operation"])
    async def metrics() -> Response:
        """Numbers for Prometheus."""
        return Response(server.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


@cache
def _vocabularies() -> list[dict[str, Any]]:
    listed = []
    for name in names():
        title, background = TITLES.get(name, (name, True))
        listed.append({"name": name, "title": title, "labels": list(label_list(name)), "background": background})
    return listed
