"""Work that the first of several processes hands out to all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from freeseg.errors import FreeSegError
from freeseg.training import processes
from launched import launch, share_work

NOTHING_IS_BAD = -1


def test_items_are_shared_and_come_back_in_order(tmp_path: Path) -> None:
    done = launch(2, share_work, str(tmp_path), 5, NOTHING_IS_BAD, folder=tmp_path)
    assert [each.code for each in done] == [0, 0], done
    found = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(2)]
    assert found == [[[item, item % 2] for item in range(5)]] * 2


@pytest.mark.parametrize("bad", [2, 3], ids=["of the first", "of another"])
def test_an_error_of_one_ends_all(tmp_path: Path, bad: int) -> None:
    for done in launch(2, share_work, str(tmp_path), 5, bad, folder=tmp_path):
        assert done.code == 1
        assert f"{bad} is refused; choose another" in done.err
    assert not any(tmp_path.iterdir())


class Pair:
    """Two processes, of which this is one, and what the other one does is made up.

    Args:
        monkeypatch: To have the processes talk to it.
        index: Which of them this is.
        other: What the other process sends, time after time: of the first, what it hands out; of another, its answers.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, index: int, other: Sequence[Any]):
        self.sent: list[Any] = []
        self._index, self._other = index, iter(other)
        monkeypatch.setattr(processes, "count", lambda: 2)
        monkeypatch.setattr(processes, "index", lambda: index)
        made_up = (self.scatter_object_list, self.gather_object, self.broadcast_object_list)
        for function in (*made_up, self.all_reduce, self.new_group, self.destroy_process_group):
            monkeypatch.setattr(processes.dist, function.__name__, function)

    def new_group(self, **options: object) -> str:
        return "group"

    def destroy_process_group(self, group: str) -> None:
        self.sent.append(f"{group} ended")

    def scatter_object_list(self, received: list[Any], handed: list[Any] | None, **options: object) -> None:
        if handed:
            self.sent.append(handed[1])
        received[0] = handed[0] if handed else next(self._other)

    def gather_object(self, answer: Any, answers: list[Any] | None = None, **options: object) -> None:
        if answers is None:
            self.sent.append(answer)
        else:
            answers[:] = [answer, next(self._other)]

    def all_reduce(self, value: Tensor, op: Any = processes.dist.ReduceOp.SUM) -> None:
        other = next(self._other)
        value.copy_(value + other if op == processes.dist.ReduceOp.SUM else torch.minimum(value, other))

    def broadcast_object_list(self, answer: list[Any]) -> None:
        if self._index:
            answer[:] = next(self._other)


def tenfold(item: int) -> int:
    if item < 0:
        raise FreeSegError(f"{item} is refused; choose another")
    return 10 * item


def spread_three(spread: Callable[[Sequence[int]], list[int]]) -> list[int]:
    return spread([1, 2]) + spread([3])


def test_the_first_hands_out_what_it_does_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch, 0, [20, None])
    assert processes.from_first_helped(spread_three, tenfold) == [10, 20, 30]
    handed, nothing, end, group = pair.sent
    assert [(each.item, each.is_left) for each in (handed, nothing, end)] == [(2, True), (None, True), (None, False)]
    assert group == "group ended"


def test_an_error_that_another_answers_ends_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch, 0, [FreeSegError("2 is refused; choose another")])
    with pytest.raises(FreeSegError, match="2 is refused"):
        processes.from_first_helped(spread_three, tenfold)
    assert [each.is_left for each in pair.sent] == [True, False]  # the other is told that there is nothing left


def test_another_answers_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [processes._Handed(item) for item in (2, None, -1)]
    end = processes._Handed(None, is_left=False)
    pair = Pair(monkeypatch, 1, [*items, end, [[10, 20], None]])
    assert processes.from_first_helped(spread_three, tenfold) == [10, 20]
    first, nothing, refused, group = pair.sent
    assert (first, nothing, str(refused), group) == (20, None, "-1 is refused; choose another", "group ended")


def test_means_sums_and_gradients_are_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Pair(monkeypatch, 0, [torch.tensor([3.0, 5.0]), torch.tensor([7]), torch.tensor([2.0, 4.0, 6.0])])
    assert processes.mean([torch.tensor(1.0), torch.tensor(4.0)]) == [2.0, 4.5]
    own = torch.tensor([5])
    assert (processes.total(own).item(), own.item()) == (12, 5)
    weights = [torch.zeros(1, requires_grad=True), torch.zeros(2, requires_grad=True), torch.zeros(1)]
    weights[0].grad, weights[1].grad = torch.tensor([0.0]), torch.tensor([2.0, 0.0])
    processes.average_gradients(weights)
    assert [each.grad.tolist() for each in weights[:2] if each.grad is not None] == [[1.0], [3.0, 3.0]]


@pytest.mark.parametrize(("other", "same"), [(3, True), (2, False), (4, False)])
def test_a_number_that_both_have(monkeypatch: pytest.MonkeyPatch, other: int, same: bool) -> None:
    Pair(monkeypatch, 0, [torch.tensor([other, -other])])
    assert processes.is_same(3, torch.device("cpu")) is same
