"""The model's work, off the event loop: a few threads, and a bounded queue before them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from freeseg.serve.problems import busy, stopping

Result = TypeVar("Result")
_FORGET = 0.2  # the share of the last job in the mean of how long a job takes


class ClientGone(Exception):  # noqa: N818 - no error: nobody waits for the answer any more
    """The client closed the connection before it had its answer."""


class Work:
    """Does jobs in threads, in the order in which they came.

    Args:
        threads: How many jobs run at once. More than the model has use for only wait for each other.
        max_waiting: How many jobs may wait; a further one is refused.

    Attributes:
        running: How many jobs run now.
    """

    def __init__(self, threads: int, max_waiting: int):
        self.threads, self.max_waiting = threads, max_waiting
        self.running = 0
        self.closed = False
        self._queue: deque[asyncio.Future[None]] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="freeseg-work")
        self._seconds = 0.1  # that a job takes, as a moving mean

    @property
    def waiting(self) -> int:
        """How many jobs wait now."""
        return len(self._queue)

    @property
    def retry_after(self) -> float:
        """In how many seconds the jobs that are here now will be done."""
        return self._seconds * (self.waiting + self.running) / self.threads

    async def do(self, job: Callable[[], Result], *, patient: bool = False) -> Result:
        """Run a job in a thread. If the caller is cancelled, a job that waits is dropped; one that runs is waited for.

        Args:
            job: A function that may take long.
            patient: Whether it may wait in a queue that is full: a part of what was accepted already.

        Raises:
            Problem: Too many jobs wait, or the server is being stopped.
        """
        await self._turn(patient)
        begun = time.perf_counter()
        running = asyncio.get_running_loop().run_in_executor(self._pool, job)
        running.add_done_callback(lambda _: self._done(time.perf_counter() - begun))
        return await asyncio.shield(running)

    def check_room(self) -> None:
        """Refuse a job that would have to wait in a full queue, before anything is done for it.

        Raises:
            Problem: The queue is full, or the server is being stopped.
        """
        if self.closed:
            raise stopping()
        if self.running >= self.threads and self.waiting >= self.max_waiting:
            raise busy(self.retry_after)

    def close(self) -> None:
        """Refuse what waits and what comes; what runs goes on to its end."""
        self.closed = True
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(stopping())

    def end(self) -> None:
        """Let the threads end."""
        self.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, patient: bool) -> None:
        """Wait for a thread that is free, and take it."""
        if self.closed:
            raise stopping()
        if not patient:
            self.check_room()
        if self.running < self.threads and not self._queue:
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # its turn had just come
                self._free()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def _done(self, seconds: float) -> None:
        self._seconds += _FORGET * (seconds - self._seconds)
        self._free()

    def _free(self) -> None:
        """Hand a thread on to the next job."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1


async def unless_gone(request: Request, answer: Awaitable[Result]) -> Result:
    """Wait for an answer as long as the client does.

    Args:
        request: Its body must have been read: what comes after it is waited for here.
        answer: Cancelled when the client closes the connection.

    Raises:
        ClientGone: It closed it.
    """
    working = asyncio.ensure_future(answer)
    watching = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        watching.cancel()
        working.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
