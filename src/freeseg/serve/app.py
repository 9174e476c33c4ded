"""The server as an ASGI application."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import resources
from pathlib import Path

import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

import freeseg
from freeseg.errors import FreeSegError
from freeseg.pipeline import FreeSeg
from freeseg.serve.problems import CLIENT_GONE, Problem, problem_of
from freeseg.serve.routes import about, label_studio, photos, segment
from freeseg.serve.security import Security
from freeseg.serve.server import SegmentServer
from freeseg.serve.settings import Access, Limits
from freeseg.serve.watching import Watching, log_error
from freeseg.serve.work import ClientGone

_PURGE_SECONDS = 30.0  # from one look for photos that have been kept for long enough to the next
_ABOUT = """\
Segment photos by words. Send a photo and labels to `/v1/segment`; or keep the photo with `/v1/photos`, and ask about it
many times. Errors are problem details (RFC 9457) with a cause and a fix.
"""


def create_app(model: FreeSeg, limits: Limits = Limits(), access: Access = Access()) -> FastAPI:  # noqa: B008 - frozen
    """The server of a model, for uvicorn or any other ASGI server.

    Args:
        model: The model.
        limits: How much the server takes on.
        access: Who may ask.

    Returns:
        The application; `app.state.server` is the `SegmentServer` behind it.

    Example:
        >>> import freeseg
        >>> app = create_app(freeseg.load())
        >>> "/v1/segment" in app.openapi()["paths"]
        True
    """
    server = SegmentServer(model, limits, access)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        purging = asyncio.create_task(_purge(server))
        await asyncio.to_thread(model.segment, np.zeros((64, 64, 3), np.uint8), "cat")  # the first time costs more
        server.is_ready = True
        yield
        purging.cancel()
        with suppress(asyncio.CancelledError):
            await purging
        server.work.end()

    app = FastAPI(
        title="FreeSeg",
        description=_ABOUT,
        version=freeseg.__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.state.server = server
    asks_for_token = [] if access.token is None else [Depends(HTTPBearer(auto_error=False))]  # said in the description
    for routes in (segment, photos, about, label_studio):
        app.include_router(routes.router(server), dependencies=asks_for_token)
    _add_pages(app)
    _add_errors(app)
    app.add_middleware(Security, access=access)
    app.add_middleware(Watching, metrics=server.metrics, log_words=access.log_words, ended=server.uploads.release)
    return app


async def _purge(server: SegmentServer) -> None:
    """Forget photos for which nobody asks, also where nothing else happens."""
    while True:
        await asyncio.sleep(_PURGE_SECONDS)
        server.kept.forget_old()


def _add_pages(app: FastAPI) -> None:
    """The page at `/`, and the API's documentation at `/docs`; all their files come from packages."""
    page, docs = _folder("page"), _folder("docs")

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        if not (page / "index.html").is_file():
            return RedirectResponse("/docs")
        return FileResponse(page / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> Response:
        return FileResponse(docs / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/page", StaticFiles(directory=page, check_dir=False))
    if found := importlib.util.find_spec("fastapi_offline"):
        app.mount("/docs/swagger", StaticFiles(directory=Path(str(found.origin)).parent / "static"))
    app.mount("/docs", StaticFiles(directory=docs))


def _folder(name: str) -> Path:
    return Path(str(resources.files("freeseg.serve").joinpath(name)))


def _add_errors(app: FastAPI) -> None:
    """Answer every error as a problem."""

    @app.exception_handler(Problem)
    @app.exception_handler(FreeSegError)
    async def problem(request: Request, error: Exception) -> Response:
        found = problem_of(error)
        if found.status == 500:
            log_error(error)
        return found.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        names = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
        return Problem(422, "field", f"these are missing or wrong: {names[:100]}", "see /docs").response()

    @app.exception_handler(ClientGone)
    async def gone(request: Request, error: ClientGone) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 404:
            return Problem(404, "not-found", "there is nothing at this address", "see /docs", headers).response()
        if error.status_code == 405:
            what = "this address does not take this method"
            allowed = _allowed_methods(app, request.url.path) or headers.get("allow", "GET")
            return Problem(405, "method", what, f"use {allowed}; see /docs", {"Allow": allowed}).response()
        return Problem(error.status_code, "refused", "the request cannot be answered", "see /docs", headers).response()


def _allowed_methods(app: FastAPI, path: str) -> str:
    """The methods that an address takes, of all routes to it; the router itself names those of the first one."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found.update(method.upper() for method in operations)
    return ", ".join(sorted(found))
