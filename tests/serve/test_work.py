"""The queue before the model, by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from freeseg.serve.problems import Problem
from freeseg.serve.work import Work


class Job:
    """A job that ends when it is told to."""

    def __init__(self, name: str, begun: list[str]):
        self.name, self.begun, self.go = name, begun, threading.Event()

    def __call__(self) -> str:
        self.begun.append(self.name)
        assert self.go.wait(10)
        return self.name


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that waits, as one that pytest can call."""

    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


@in_a_loop
async def test_jobs_run_in_the_order_in_which_they_came() -> None:
    work, begun = Work(1, 10), list[str]()
    jobs = [Job(name, begun) for name in "abcd"]
    asked = [asyncio.create_task(work.do(job)) for job in jobs]
    await until(lambda: work.waiting == 3)
    for job in jobs:
        job.go.set()
    assert await asyncio.gather(*asked) == ["a", "b", "c", "d"]
    assert begun == ["a", "b", "c", "d"]
    assert (work.running, work.waiting) == (0, 0)
    work.end()


@in_a_loop
async def test_a_turn_that_nobody_takes_goes_to_the_next() -> None:
    """A job is cancelled in the very moment in which its turn has come."""

    work, begun = Work(1, 10), list[str]()
    first, second, third = (Job(name, begun) for name in "abc")
    asked = [asyncio.create_task(work.do(job)) for job in (first, second, third)]
    await until(lambda: work.waiting == 2)
    third.go.set()
    first.go.set()
    free = work._free

    def free_and_cancel() -> None:
        work._free = free  # type: ignore[method-assign]
        free()
        asked[1].cancel()

    work._free = free_and_cancel  # type: ignore[method-assign]
    assert await asked[0] == "a"
    assert await asked[2] == "c"
    assert begun == ["a", "c"]
    await until(lambda: work.running == 0)
    work.end()


@in_a_loop
async def test_what_fails_frees_its_place() -> None:
    work = Work(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await work.do(lambda: 1 // 0)
    await until(lambda: work.running == 0)
    assert await work.do(lambda: "done") == "done"
    work.end()


@in_a_loop
async def test_a_full_queue_and_a_closed_one() -> None:
    work, begun = Work(1, 1), list[str]()
    first, second, third = (Job(name, begun) for name in "abc")
    running = asyncio.create_task(work.do(first))
    await until(lambda: begun == ["a"])
    waiting = asyncio.create_task(work.do(second))
    patient = asyncio.create_task(work.do(third, patient=True))
    await until(lambda: work.waiting == 2)
    with pytest.raises(Problem) as refused:
        await work.do(second)
    assert refused.value.status == 503
    assert int(refused.value.headers["Retry-After"]) >= 1
    work.close()
    for each in (waiting, patient, work.do(second)):
        with pytest.raises(Problem, match="being stopped"):
            await each
    first.go.set()
    assert await running == "a"
    assert begun == ["a"]
    work.end()
