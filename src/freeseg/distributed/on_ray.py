"""A driver over Ray: the processes of one machine, or of a cluster, do the blocks.

Blocks are tasks and not actors: Ray keeps the processes that ran one, and with them the model, and repeats a task whose
process or machine dies. Tasks read their photos themselves, so no reader waits for a processor that they hold. What
travels is where photos are, and the plan; parts are written where they are made.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from freeseg.distributed.core import Outcome, do_block
from freeseg.errors import FreeSegError, reason
from freeseg.extras import require
from freeseg.system import available_cores

if TYPE_CHECKING:
    from freeseg.distributed.blocks import Block
    from freeseg.distributed.plan import Plan

REPEATED = 3  # times, where the process or the machine that does a block dies
AHEAD = 2  # blocks for each processor that are given out at once
CONNECT_SECONDS = 5.0
_OBJECT_STORE_BYTES = 80_000_000  # about the least that Ray takes; only outcomes and references go through it


@contextmanager
def cluster(address: str | None = None) -> Iterator[int]:
    """Join a cluster of Ray, or start one on this machine for as long as the block runs; gives its processors.

    A cluster of its own writes to a temporary folder only, which is removed at the end. Ray's reports to its makers are
    turned off.

    Args:
        address: Of the cluster's head, such as "head:6379"; None for a cluster on this machine alone.

    Raises:
        FreeSegError: Ray is not installed, or the cluster cannot be reached.
    """
    require("ray", "pyarrow", what="--engine ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is not None:
        _check_reachable(address)
    else:
        _close_to_strangers()
    import ray

    folder = tempfile.mkdtemp(prefix="freeseg-ray-") if address is None else ""
    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {
            "address": "local",
            "num_cpus": available_cores(),
            "object_store_memory": _OBJECT_STORE_BYTES,
            "include_dashboard": False,
            "_temp_dir": folder,
        }
    try:
        try:
            with _signals_as_they_are():
                ray.init(**where, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            target = f"join the cluster at {address}" if address else "start on this machine"
            fix = (
                "set TMPDIR to a folder of a shorter name" if "AF_UNIX" in str(error) else "ray status there says more"
            )
            raise FreeSegError(f"Ray cannot {target}: {reason(error)}; {fix}") from error
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _close_to_strangers() -> None:
    """Have the cluster that is started answer those only that know a token, since Ray listens on all networks.

    Where it is not told one, Ray would keep one in the user's home. It reads it once in the life of a process, so that
    nothing is changed where Ray is in use already.
    """
    if "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))


@contextmanager
def _signals_as_they_are() -> Iterator[None]:
    """Put back what SIGTERM does, which Ray sets to something of its own when it starts."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # no other may, and Ray leaves it alone there
            signal.signal(signal.SIGTERM, before)


def on_ray(blocks: Iterable[Block], plan: Plan, folder: str) -> Iterator[Outcome]:
    """Do blocks on the cluster that `cluster` joined or started.

    Args:
        blocks: The blocks. As many are taken as the cluster can do, and a few more, so they may be endless.
        plan: What is done with the photos.
        folder: The output, which every machine must see.

    Yields:
        What became of each block, in the order in which they end. A block whose process dies each time, as photos that
        need too much memory make it do, has a problem.

    Raises:
        FreeSegError: As of `do_block`, on any machine.
    """
    import ray

    task = ray.remote(num_cpus=1, max_retries=REPEATED)(do_block)
    shared = ray.put(plan)
    running: dict[Any, Block] = {}
    for block in blocks:
        running[task.remote(block, shared, folder)] = block
        while len(running) >= AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1))):
            yield from _ended(running)
    while running:
        yield from _ended(running)


def _ended(running: dict[Any, Block]) -> Iterator[Outcome]:
    """Wait for a block, and take those that ended out of what is running."""
    import ray

    done, _ = ray.wait([*running], num_returns=1)
    for each in done:
        block = running.pop(each)
        try:
            yield ray.get(each)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, FreeSegError):
                raise error.cause from None
            raise FreeSegError(_failed(block, reason(error.cause))) from error
        except ray.exceptions.RayError as error:
            yield Outcome(len(block.photos), problem=_failed(block, reason(error)))


def _failed(block: Block, why: str) -> str:
    first, last = block.photos[0].photo, block.photos[-1].photo
    return f"the photos from {first} to {last} are not done: {why}; run it again to try them once more"


def _check_reachable(address: str) -> None:
    """Ask whether anybody listens at an address; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdecimal()):
        raise FreeSegError(f"--address takes the cluster's head, such as head:6379, not {address}")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise FreeSegError(
            f"no cluster of Ray answers at {address} ({reason(error)}); start its head with: ray start --head --port="
            f"{port}"
        ) from error
