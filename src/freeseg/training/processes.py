"""The processes that share a training, on one machine or on several, as `torchrun` and `accelerate launch` start them.

Each computes the loss of its share of every batch. The loss of the batch is the mean of theirs, and so is its gradient.
A training that no launcher started is one process, to which all of this does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from freeseg.errors import FreeSegError, reason

Result = TypeVar("Result")
Item = TypeVar("Item")
Answer = TypeVar("Answer")

PATIENCE = timedelta(days=7)  # the others wait while one reads photos, or relabels them


def count() -> int:
    """How many processes share the training."""
    return dist.get_world_size() if _is_shared() else 1


def index() -> int:
    """Which of them this one is, from 0 on; the first one writes and reports."""
    return dist.get_rank() if _is_shared() else 0


def ignore(*_: object) -> None:
    """What the processes that do not report do instead."""


def share(items: int) -> slice:
    """Which of some items this process has: one block of them, as large as those of the others, or by one larger.

    Example:
        >>> list(range(5))[share(5)]
        [0, 1, 2, 3, 4]
    """
    return slice(items * index() // count(), items * (index() + 1) // count())


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the other processes that a launcher started, if it started several.

    Args:
        device: What is computed on; of several GPUs, each process of a machine takes its own.

    Yields:
        The device of this process.

    Raises:
        FreeSegError: The processes do not find each other.

    Example:
        >>> with joined(torch.device("cpu")) as device:
        ...     device, count(), index()
        (device(type='cpu'), 1, 0)
    """
    if "LOCAL_RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if _is_shared():  # whoever calls has joined them
        yield device
        return
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise FreeSegError(
            f"the processes of this training do not find each other: {reason(error)}; start them by torchrun or "
            "accelerate launch, and check the address that you gave it"
        ) from error
    try:
        yield device
    finally:
        dist.destroy_process_group()


def from_first(compute: Callable[[], Result]) -> Result:
    """What the first process computes, in all of them; the others wait for it.

    Raises:
        FreeSegError: The first process raised it, and so do all.

    Example:
        >>> from_first(lambda: 6 * 7)
        42
    """
    if count() == 1:
        return compute()
    answer: list[Any] = [None, None]
    if index() == 0:
        try:
            answer[0] = compute()
        except FreeSegError as error:
            answer[1] = error
    dist.broadcast_object_list(answer)
    result, refused = answer
    if refused is not None:
        raise refused
    return result  # type: ignore[no-any-return]


def from_first_helped(
    compute: Callable[[Callable[[Sequence[Item]], list[Answer]]], Result], work: Callable[[Item], Answer]
) -> Result:
    """What the first process computes, in all of them; the others do some of its work.

    Args:
        compute: Called in the first process, with a function that has `work` done for some items at once, one in each
            process; it gives what `work` gave, in the order of the items, of which there may be `count()`.
        work: Called in all processes.

    Raises:
        FreeSegError: The first process or one that works for it raised it, and so do all.

    Example:
        >>> from_first_helped(lambda spread: spread([6]) + spread([7]), lambda item: item * 10)
        [60, 70]
    """
    if count() == 1:
        return compute(lambda items: [work(item) for item in items])
    group = dist.new_group(backend="gloo", timeout=PATIENCE)  # photos travel between the processes' own memories
    if index() == 0:
        result = from_first(lambda: _helped(compute, work, group))
    else:
        while (handed := _handed_out(group)).is_left:
            dist.gather_object(_answer_or_error(work, handed.item), dst=0, group=group)
        result = from_first(compute)  # type: ignore[arg-type] # it is called in the first process only
    dist.destroy_process_group(group)
    return result


def _helped(
    compute: Callable[[Callable[[Sequence[Item]], list[Answer]]], Result],
    work: Callable[[Item], Answer],
    group: dist.ProcessGroup | None,
) -> Result:
    """The first process's part: it hands out items, and says when there are no more."""

    def spread(items: Sequence[Item]) -> list[Answer]:
        own = _handed_out(group, [_Handed(item) for item in [*items, *[None] * (count() - len(items))]])
        answers: list[Any] = [None] * count()
        dist.gather_object(_answer_or_error(work, own.item), answers, dst=0, group=group)
        for answer in answers:
            if isinstance(answer, FreeSegError):
                raise answer
        return answers[: len(items)]

    try:
        return compute(spread)
    finally:
        _handed_out(group, [_Handed(None, is_left=False)] * count())


class _Handed(NamedTuple):
    """What the first process hands out to another.

    Attributes:
        item: What to work on; None where there are fewer items than processes.
        is_left: Whether anything is left to do.
    """

    item: Any
    is_left: bool = True


def _handed_out(group: dist.ProcessGroup | None, handed: list[_Handed] | None = None) -> _Handed:
    """What this process gets of what the first one hands out."""
    received: list[Any] = [None]
    dist.scatter_object_list(received, handed, src=0, group=group)
    own: _Handed = received[0]
    return own


def _answer_or_error(work: Callable[[Item], Answer], item: Item | None) -> Answer | FreeSegError | None:
    if item is None:
        return None
    try:
        return work(item)
    except FreeSegError as error:
        return error


def mean(values: Sequence[Tensor]) -> list[float]:
    """The mean over all processes of some scalars.

    Example:
        >>> mean([torch.tensor(0.5), torch.tensor(2.0)])
        [0.5, 2.0]
    """
    if count() == 1:
        return [value.item() for value in values]
    together = torch.stack([value.detach().float() for value in values])
    dist.all_reduce(together)
    return (together / count()).tolist()


def total(value: Tensor) -> Tensor:
    """The sum over all processes of a tensor that needs no gradient.

    Example:
        >>> total(torch.tensor([3]))
        tensor([3])
    """
    if count() > 1:
        value = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(value)
    return value


def is_same(value: int, device: torch.device) -> bool:
    """Whether all processes have the same number.

    Example:
        >>> is_same(3, torch.device("cpu"))
        True
    """
    if count() == 1:
        return True
    ends = torch.tensor([value, -value], device=device)
    dist.all_reduce(ends, dist.ReduceOp.MIN)
    least, most = ends.tolist()
    return bool(least == -most)


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Give all processes the mean of their gradients."""
    if count() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = parameters_to_vector(gradients)
    dist.all_reduce(flat)
    vector_to_parameters(flat / count(), gradients)


def gather(rows: Tensor) -> Tensor:
    """The rows of all processes, in their order, of which each process has as many.

    The gradient of each row is the sum of those of all processes. So where all compute the same loss of the gathered
    rows, the mean of their gradients is the loss's own.

    Example:
        >>> gather(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    gathered: Tensor = _Gather.apply(rows) if count() > 1 else rows  # type: ignore[no-untyped-call]
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(count())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        return total(gradient)[share(len(gradient))]


def _is_shared() -> bool:
    return dist.is_available() and dist.is_initialized()
