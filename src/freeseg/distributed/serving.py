"""`freeseg serve` on Ray Serve: the same application in several processes, on one machine or on a cluster.

Each replica has a model and keeps photos of its own. Requests with the same `X-Session-Id`, which the page sends, go to
the same replica, so that it finds the photos that it keeps. A replica that dies is started again; its photos are gone,
as if they had not been asked for for long, and clients send them again.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import freeseg
from freeseg.distributed.on_ray import cluster
from freeseg.distributed.plan import check_version
from freeseg.errors import FreeSegError, reason
from freeseg.extras import SERVE, require
from freeseg.system import CACHE

if TYPE_CHECKING:
    from fastapi import FastAPI

    from freeseg.serve.settings import Access, Limits

NAME = "freeseg"  # of the application on the cluster
REPLICA = "Replica"  # of the deployment
_STICKY = "ray.serve.experimental.consistent_hash_router.ConsistentHashRouter"


def serve_on_ray(
    options: Mapping[str, Any],
    limits: Limits,
    access: Access,
    *,
    replicas: int | None = None,
    address: str | None = None,
    started: Callable[[str], None] = print,
) -> None:
    """Serve from several processes until a signal comes.

    Args:
        options: What `freeseg.load` is called with, on each machine.
        limits: How much each replica takes on. Ray itself receives requests, and does not limit connections.
        access: Where Ray listens, on each machine, and who may ask.
        replicas: How many processes with a model there are; None for one for each processor of the cluster.
        address: Of the cluster's head, such as "head:6379"; None for Ray on this machine alone.
        started: Called with the address when requests are answered.

    Raises:
        FreeSegError: Ray Serve is not installed, the cluster cannot be reached or has fewer processors than replicas,
            the address cannot be had; and as of `freeseg.load`.
    """
    require("ray", "grpc", *SERVE, what="freeseg serve --engine ray")
    from freeseg.serve.running import free_port, url_of

    freeseg.load(**options)  # what is wrong with the model is told before anything is started
    port, ended = free_port(access), threading.Event()
    with cluster(address) as processors:
        count = replicas or processors
        if count > processors:
            raise FreeSegError(f"the cluster has {processors} processors for {count} replicas; give --replicas fewer")
        with _application(options, limits, access, port, count), _set_by_signals(ended):
            started(url_of(access, port))
            ended.wait()


@contextmanager
def _application(options: Mapping[str, Any], limits: Limits, access: Access, port: int, count: int) -> Iterator[None]:
    """The application on the cluster that `cluster` joined or started, until the block ends: then what runs is done."""
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.CRITICAL)
    version = freeseg.__version__

    def build() -> FastAPI:  # Ray takes a function only for one that makes the application
        return _build(dict(options), limits, access, version)

    deployment = serve.deployment(
        name=REPLICA,
        num_replicas=count,
        ray_actor_options={"num_cpus": 1},
        max_ongoing_requests=limits.max_connections,  # so that the replica's own limits answer, and say why
        graceful_shutdown_timeout_s=max(1.0, limits.stop_seconds),
        request_router_config={"request_router_class": _STICKY},
        logging_config={"log_level": "CRITICAL", "enable_access_log": False},
    )(serve.ingress(build)(type(REPLICA, (), {})))
    try:
        serve.start(http_options={"host": access.host, "port": port}, logging_config={"log_level": "CRITICAL"})
        serve.run(deployment.bind(), name=NAME, route_prefix="/")
    except (RuntimeError, ValueError, TimeoutError) as error:
        raise FreeSegError(f"Ray Serve cannot start the server: {reason(error)}; `serve status` says more") from error
    try:
        yield
    finally:
        serve.delete(NAME)


def _build(options: dict[str, Any], limits: Limits, access: Access, version: str) -> FastAPI:
    """The application, in the process of a replica."""
    check_version(version)
    os.environ.setdefault(CACHE, "off")  # words that clients ask for are not kept on disk
    from freeseg.serve.app import create_app

    return create_app(freeseg.load(**options, threads=1), limits, access)


@contextmanager
def _set_by_signals(ended: threading.Event) -> Iterator[None]:
    """Have SIGINT and SIGTERM set an event, in place of what they do otherwise."""
    if threading.current_thread() is not threading.main_thread():  # no other may say what signals do
        yield
        return
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
