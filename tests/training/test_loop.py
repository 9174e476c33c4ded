"""The loop, on a task of one number: what it saves, when, and what a stop at any moment leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from freeseg.errors import FreeSegError
from freeseg.training import processes, state
from freeseg.training.loop import Loop, Losses, StepReport, report_part

EPOCHS, STEPS_PER_EPOCH, RATE, WARM_UP = 3, 4, 0.1, 2


class OneNumber:
    """A task that moves a number towards what each step asks for."""

    def __init__(self, **settings: object) -> None:
        self.settings: Mapping[str, object] = settings
        self.device = torch.device("cpu")
        self.number = torch.nn.Parameter(torch.tensor(1.0))
        self.optimiser: torch.optim.Optimizer = torch.optim.AdamW([self.number], RATE)
        self.learning_rates: Sequence[float] = (RATE,)
        self.epochs, self.steps_per_epoch = EPOCHS, STEPS_PER_EPOCH
        self.metrics: dict[str, float] = {}
        self.rates: list[float] = []
        self.stop_in_update = -1
        self.stop_in_measuring = -1

    def batches(self, first: int) -> Iterator[float]:
        yield from map(math.sin, range(first, EPOCHS * STEPS_PER_EPOCH))

    def losses(self, batch: float, step: int) -> dict[str, Tensor]:
        return {"square": (self.number - batch) ** 2, "size": 0.1 * self.number.abs()}

    def backward(self, loss: Tensor) -> Tensor | None:
        loss.backward()
        return self.number.grad

    def update(self, step: int) -> None:
        self.rates.append(self.optimiser.param_groups[0]["lr"])
        self.optimiser.step()
        if step == self.stop_in_update:
            raise KeyboardInterrupt

    def after_epoch(self, step: int, history: Sequence[Losses]) -> None:
        if step == self.stop_in_measuring:
            raise KeyboardInterrupt
        self.metrics = {"measured at": step}

    def state(self) -> Mapping[str, object]:
        return {"number": self.number.detach(), "optimiser": self.optimiser.state_dict(), "metrics": self.metrics}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.number.data.copy_(state["number"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.metrics = state["metrics"]


def loop(task: OneNumber, run: Path) -> Loop[float]:
    return Loop(task, run, warm_up=WARM_UP)


def saved(run: Path) -> dict[str, Any]:
    found = state.read(run, {}, torch.device("cpu"))
    assert found is not None
    return found


@pytest.fixture
def undisturbed(tmp_path: Path) -> OneNumber:
    task = OneNumber()
    loop(task, tmp_path / "undisturbed").fit()
    return task


def test_the_rate_warms_up_and_falls_with_a_cosine(undisturbed: OneNumber) -> None:
    steps = EPOCHS * STEPS_PER_EPOCH
    cosine = [0.5 * RATE * (1 + math.cos(math.pi * step / steps)) for step in range(steps)]
    assert undisturbed.rates == pytest.approx([cosine[0] / 2, *cosine[1:]])


def test_what_a_report_says(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    loop(OneNumber(), tmp_path).fit(reports.append)
    assert [report.step for report in reports] == list(range(1, 13))
    assert {report.steps for report in reports} == {12}
    assert reports[0].losses == pytest.approx({"square": 1.0, "size": 0.1})
    assert [report.metrics for report in reports[2:5]] == [{}, {"measured at": 4}, {"measured at": 4}]


@pytest.mark.parametrize("step", range(1, 12))
def test_stopped_after_any_step_it_ends_the_same(tmp_path: Path, undisturbed: OneNumber, step: int) -> None:
    def stop(report: StepReport) -> None:
        if report.step == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop(OneNumber(), tmp_path / "run").fit(stop)
    assert saved(tmp_path / "run")["step"] == step
    task = OneNumber()
    resumed = loop(task, tmp_path / "run")
    resumed.fit()
    assert torch.equal(task.number, undisturbed.number)
    assert len(resumed.history) == 12


def test_a_stop_within_an_update_saves_no_weights(tmp_path: Path, undisturbed: OneNumber) -> None:
    task = OneNumber()
    task.stop_in_update = 6
    with pytest.raises(KeyboardInterrupt):
        loop(task, tmp_path / "run").fit()
    assert saved(tmp_path / "run")["step"] == 4  # of the last epoch's end
    task = OneNumber()
    loop(task, tmp_path / "run").fit()
    assert torch.equal(task.number, undisturbed.number)


@pytest.mark.parametrize("step", [4, 12])
def test_measuring_that_was_stopped_is_done_again(tmp_path: Path, undisturbed: OneNumber, step: int) -> None:
    task = OneNumber()
    task.stop_in_measuring = step
    with pytest.raises(KeyboardInterrupt):
        loop(task, tmp_path / "run").fit()
    reports: list[StepReport] = []
    task = OneNumber()
    loop(task, tmp_path / "run").fit(reports.append)
    assert reports[0].metrics == {"measured at": step}
    assert torch.equal(task.number, undisturbed.number)


def test_a_checkpoint_by_the_clock(tmp_path: Path) -> None:
    steps: list[int] = []

    def look(report: StepReport) -> None:
        if report.step > 1:
            steps.append(saved(tmp_path)["step"])

    often = loop(OneNumber(), tmp_path)
    often.checkpoint_seconds = 0.0
    often.fit(look)
    assert steps == list(range(1, 12))


def test_only_one_of_several_processes_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "index", lambda: 1)
    Loop(OneNumber(), tmp_path / "run", warm_up=WARM_UP).fit()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, value: float
) -> None:
    task = OneNumber()
    if what == "loss":
        monkeypatch.setattr(task, "losses", lambda batch, step: {"square": task.number * value})
    else:
        monkeypatch.setattr(task, "backward", lambda loss: torch.tensor(value))
    with pytest.raises(FreeSegError, match=f"the {what} is {value} at step 0; lower --learning-rate") as raised:
        loop(task, tmp_path).fit()
    assert "\n" not in str(raised.value)
    assert saved(tmp_path)["number"] == 1


def test_a_state_without_losses_goes_on(tmp_path: Path, undisturbed: OneNumber) -> None:
    """As FreeSeg 0.1.0 wrote them for teachers."""

    def stop(report: StepReport) -> None:
        if report.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop(OneNumber(), tmp_path).fit(stop)
    old = saved(tmp_path)
    del old["history"]
    state.write(tmp_path, {}, old)
    reports: list[StepReport] = []
    task = OneNumber()
    loop(task, tmp_path).fit(reports.append)
    assert (reports[0].step, reports[0].losses) == (5, {})
    assert torch.equal(task.number, undisturbed.number)


@pytest.mark.parametrize("history", [7, [7], [{"square": "x"}], [{"square": math.nan}], [{3: 4.0}]])
def test_a_state_whose_losses_are_none_is_damaged(tmp_path: Path, history: object) -> None:
    loop(OneNumber(), tmp_path).fit()
    state.write(tmp_path, {}, {**saved(tmp_path), "history": history})
    with pytest.raises(FreeSegError, match=r"history is .*; remove it to begin anew$"):
        loop(OneNumber(), tmp_path).fit()


@pytest.mark.parametrize("part", ["number", "optimiser"])
def test_a_state_with_values_that_are_no_numbers_is_damaged(tmp_path: Path, part: str) -> None:
    loop(OneNumber(), tmp_path).fit()
    spoilt = saved(tmp_path)
    tensor = spoilt["number"] if part == "number" else spoilt["optimiser"]["state"][0]["exp_avg"]
    tensor.fill_(math.nan)
    state.write(tmp_path, {}, spoilt)
    with pytest.raises(FreeSegError, match="it has values that are no numbers"):
        loop(OneNumber(), tmp_path).fit()


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    loop(OneNumber(tau=0.5), tmp_path).fit()
    with pytest.raises(FreeSegError, match=r"tau 0.5 -> 2.0"):
        loop(OneNumber(tau=2.0), tmp_path).fit()


def test_parts_are_reported_as_one_training() -> None:
    reports: list[StepReport] = []
    for index in range(2):
        for step in (1, 2, 3):
            report_part(reports.append, index, 2)(StepReport(step, 3, {}))
    assert [(report.step, report.steps) for report in reports] == [(step, 6) for step in range(1, 7)]
