"""Drivers: they take blocks one after the other, have them done somewhere, and say what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from freeseg.distributed.blocks import Block
from freeseg.distributed.core import Outcome, do_block
from freeseg.distributed.plan import Plan, model_of

Driver = Callable[[Iterable[Block], Plan, str], Iterator[Outcome]]


def in_this_process(blocks: Iterable[Block], plan: Plan, folder: str, *, threads: int = 1) -> Iterator[Outcome]:
    """Do blocks in threads of this process, which share one model.

    Args:
        blocks: The blocks. No more of them are taken than are being done.
        plan: What is done with the photos.
        folder: The output.
        threads: How many blocks are done at once.

    Yields:
        What became of each block, in the order in which they end.

    Raises:
        FreeSegError: As of `do_block`.

    Example:
        >>> import tempfile
        >>> from freeseg.distributed import PhotoReference, mask_plan
        >>> plan = mask_plan("cat", model="freeseg-lite")
        >>> block = Block.of([PhotoReference("no.jpg", "/no/such/photo.jpg")], plan.sha256)
        >>> list(in_this_process([block], plan, tempfile.mkdtemp()))
        [Outcome(photos=1, broken=1, problem='')]
    """
    model = model_of(plan)  # once, before there are several threads
    if plan.vocabulary is not None:
        model.embed_vocabulary(plan.vocabulary)
    work = partial(do_block, plan=plan, folder=folder)
    running: set[Future[Outcome]] = set()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for block in blocks:
                running.add(pool.submit(work, block))
                if len(running) >= threads:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (each.result() for each in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (each.result() for each in done)
        finally:
            for each in running:
                each.cancel()
