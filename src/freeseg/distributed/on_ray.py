"""A driver over Ray: the processes of one machine, or of a cluster, do the blocks.

Blocks are tasks and not actors: Ray keeps the processes that ran one, and with them the model, and repeats a task whose
process or machine dies. Tasks read their photos themselves, so no reader waits for a processor that they hold. What
travels is where photos are, and the plan; parts are written where they are made.

A task travels as bytes beside the version that made them, so that a machine with another version of FreeSeg can say so
before it tries to understand them.
"""

from __future__ import annotations

import os
import pickle
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from freeseg import __version__
from freeseg.distributed.core import Outcome, do_block
from freeseg.distributed.parts import PLAN
from freeseg.distributed.plan import check_version
from freeseg.errors import FreeSegError, OutputError, reason
from freeseg.extras import require
from freeseg.files import path_for_message
from freeseg.places import is_remote
from freeseg.system import available_cores

if TYPE_CHECKING:
    from freeseg.distributed.blocks import Block
    from freeseg.distributed.plan import Plan

Task = TypeVar("Task")
Result = TypeVar("Result")

TASK_NAME = "freeseg"  # what Ray calls the tasks, and the processes that do them
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
    for block, result in spread(_do_block, blocks, plan, folder):
        if isinstance(result, Lost):
            result = Outcome(len(block.photos), problem=_failed(block, result.why))
        yield result


def _do_block(block: Block, plan: Plan, folder: str) -> Outcome:
    """Do a block on a machine of the cluster, which may not see what others see."""
    if not is_remote(folder):
        check_shared(Path(folder), PLAN)
    return do_block(block, plan, folder)


def check_shared(folder: Path, file: str) -> None:
    """Refuse to write where nobody would find it: into a folder that is another one on the machine of the command.

    Args:
        folder: The output.
        file: What the command has written there.

    Raises:
        OutputError: It is not there.
    """
    if not (folder / file).is_file():
        raise OutputError(
            f"a machine of the cluster does not see {path_for_message(folder)}; name a folder that all machines share"
        )


class Lost(NamedTuple):
    """What became of a task whose process or machine died each time.

    Attributes:
        why: What Ray says of it.
    """

    why: str


def spread(work: Callable[..., Result], tasks: Iterable[Task], *shared: object) -> Iterator[tuple[Task, Result | Lost]]:
    """Have tasks done on the cluster that `cluster` joined or started.

    Args:
        work: A function of a module, which is called with a task and what all of them share.
        tasks: As many are taken as the cluster can do, and a few more, so they may be endless.
        shared: What all tasks need.

    Yields:
        Each task with its result, in the order in which they end.

    Raises:
        FreeSegError: `work` raised one, on any machine, or anything else.
    """
    import ray

    remote = ray.remote(num_cpus=1, max_retries=REPEATED)(_understood).options(name=TASK_NAME)
    common = ray.put(pickle.dumps((work, shared)))
    running: dict[Any, Task] = {}
    for task in tasks:
        running[remote.remote(__version__, common, pickle.dumps(task))] = task
        while len(running) >= AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1))):
            yield from _ended(running)
    while running:
        yield from _ended(running)


def _understood(version: str, common: bytes, task: bytes) -> Any:
    """Do a task on a machine of the cluster."""
    check_version(version)
    work, shared = pickle.loads(common)  # noqa: S301 - from the command, which may run anything here
    return work(pickle.loads(task), *shared)  # noqa: S301


def _ended(running: dict[Any, Task]) -> Iterator[tuple[Task, Any]]:
    """Wait for a task, and take those that ended out of what is running."""
    import ray

    done, _ = ray.wait([*running], num_returns=1)
    for each in done:
        task = running.pop(each)
        try:
            yield task, ray.get(each)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, FreeSegError):
                raise error.cause from None
            raise FreeSegError(
                f"a machine of the cluster cannot do its work: {reason(error.cause)}; see that all have FreeSeg "
                f"{__version__}, and please report this if they do"
            ) from error
        except ray.exceptions.RayError as error:
            yield task, Lost(reason(error))


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
