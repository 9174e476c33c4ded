"""The calls that Label Studio makes to a machine-learning backend: `/setup` and `/predict`, beside `/health`."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freeseg.serve.asking import check_photo, read_labels
from freeseg.serve.bodies import check_bytes
from freeseg.serve.label_studio import Interface, prediction, read_interface, read_photo_of_task
from freeseg.serve.problems import Problem, problem_of
from freeseg.serve.schema import problems
from freeseg.serve.server import SegmentServer
from freeseg.serve.watching import log_error
from freeseg.serve.work import unless_gone
from freeseg.words import Vocabulary


def _body(**fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that a call must have, for the API's description; Label Studio sends others as well."""
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_TASKS = {"type": "array", "items": {"type": "object"}, "minItems": 1}


def router(server: SegmentServer) -> APIRouter:
    """The addresses."""
    routes = APIRouter(tags=["Label Studio"])
    config, engine = server.model.config, server.model.engine
    version = f"{config.name}-{engine.weights_sha256[:8]}"

    @routes.post(
        "/setup", summary="Connect Label Studio", responses=problems(400, 401, 413, 422), openapi_extra=_body()
    )
    async def setup(request: Request) -> Response:
        """Called when Label Studio connects: says which model answers, and refuses an interface that it cannot fill."""
        asked = await _asked(server, request)
        if schema := asked.get("schema") or asked.get("label_config"):
            read_labels(list(read_interface(schema).words), server.limits)
        return JSONResponse({"model_version": version})

    @routes.post(
        "/predict",
        summary="Pre-annotate tasks",
        responses=problems(400, 401, 413, 422, 503),
        openapi_extra=_body(tasks=_TASKS, label_config={"type": "string"}),
    )
    async def predict(request: Request) -> Response:
        """Pre-annotations of tasks, as brushes or polygons."""
        asked = await _asked(server, request)
        tasks = asked.get("tasks")
        if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
            raise Problem(422, "tasks", "the request holds no tasks", 'send {"tasks": [...], "label_config": "..."}')
        if len(tasks) > server.limits.max_batch:
            what = f"the request holds more than {server.limits.max_batch} tasks"
            raise Problem(413, "too-many-tasks", what, "set a smaller batch size")
        interface = read_interface(asked.get("label_config"))
        vocabulary = read_labels(list(interface.words), server.limits)
        server.work.check_room()
        found = await unless_gone(request, _predict_all(server, tasks, interface, vocabulary))
        if all(isinstance(each, Problem) for each in found):
            raise found[0]  # type: ignore[misc]
        results = [
            {"result": [], "score": 0.0, "problem": each.to_dict()} if isinstance(each, Problem) else each
            for each in found
        ]
        return JSONResponse({"results": [{**each, "model_version": version} for each in results]})

    return routes


async def _asked(server: SegmentServer, request: Request) -> dict[str, Any]:
    """The body of a call."""
    asked = await server.uploads.read_json(request, most=server.limits.request_bytes)
    if not isinstance(asked, dict):
        raise Problem(422, "body", "the body is no JSON object", "let Label Studio send it")
    return asked


async def _predict_all(
    server: SegmentServer, tasks: list[dict[str, Any]], interface: Interface, vocabulary: Vocabulary
) -> list[dict[str, Any] | Problem]:
    """The prediction of each task, or what is wrong with it. No more of them are queued than there are threads."""
    places = asyncio.Semaphore(server.work.threads)

    async def predict(task: dict[str, Any]) -> dict[str, Any] | Problem:
        async with places:
            try:
                return await server.work.do(lambda: _predict(server, task, interface, vocabulary), patient=True)
            except Exception as error:
                found = problem_of(error)
                if found.status == 500:
                    log_error(error)
                return found

    return await asyncio.gather(*map(predict, tasks))


def _predict(
    server: SegmentServer, task: dict[str, Any], interface: Interface, vocabulary: Vocabulary
) -> dict[str, Any]:
    """The prediction of a task, in this thread."""
    data = task.get("data")
    given = data.get(interface.field) if isinstance(data, dict) else None
    photo = read_photo_of_task(given, server.access.photos, server.limits.photo_bytes)
    if isinstance(photo, str):
        kept = server.kept.peek(photo)
        if kept is None:
            raise Problem(422, "task", "the photo of the task is not kept", "send it again (POST /v1/photos)")
        result = server.model.segment(kept.seen, vocabulary)
    else:
        check_bytes(len(photo), server.limits)
        check_photo(photo, server.limits)
        server.metrics.photos.inc()
        result = server.model.segment(photo, vocabulary)
    return prediction(result, interface, vocabulary.names)
