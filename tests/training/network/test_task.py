"""Training a tiny network: it learns, resumes, and refuses other settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from freeseg.errors import DataError, FreeSegError
from freeseg.training import state
from freeseg.training.loop import StepReport
from freeseg.training.network.batches import Sample, check_batch
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.task import NetworkTask
from networks import RECIPE, tiny_task


def fit(task: NetworkTask, run: Path) -> dict[str, Tensor]:
    """Train to the end; gives the network's weights."""
    task.loop(run).fit()
    return {name: tensor.clone() for name, tensor in task.average.trained_tensors().items()}


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


class StoppedError(Exception):
    """Stands for a Ctrl-C in these tests."""


def stop_at(step: int):
    def report(reached: StepReport) -> None:
        if reached.step == step:
            raise StoppedError

    return report


class TestFit:
    @pytest.mark.parametrize("partial", [True, False])
    def test_it_learns_what_the_masks_say(self, tmp_path: Path, partial: bool) -> None:
        recipe = replace(RECIPE, epochs=12, partial_labels=partial, partial_pixels=partial, distill=0.0)
        loop = tiny_task(tmp_path, recipe).loop(tmp_path / "run")
        loop.fit()
        losses = [step["masks"] for step in loop.history]
        assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])

    def test_distance_to_the_teacher_falls(self, tmp_path: Path) -> None:
        loop = tiny_task(tmp_path, replace(RECIPE, epochs=8)).loop(tmp_path / "run")
        loop.fit()
        distances = [step["distance to the teacher"] for step in loop.history]
        assert np.mean(distances[-5:]) < np.mean(distances[:5])

    def test_the_text_side_stays_its_teachers(self, tmp_path: Path) -> None:
        task = tiny_task(tmp_path)
        before = task.network.text_head.weight.clone()
        fit(task, tmp_path / "run")
        assert torch.equal(task.average.text_head.weight, before)

    def test_layers_up_to_the_frozen_stride_stay(self, tmp_path: Path) -> None:
        task = tiny_task(tmp_path, replace(RECIPE, frozen_stride=8))
        encoder = task.network.segmentation_tower.encoder
        before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
        fit(task, tmp_path / "run")
        after = task.average.segmentation_tower.encoder.state_dict()
        last = encoder.scales[8][0]
        for name, tensor in before.items():
            early = name.startswith("conv_stem") or (name.startswith("blocks.") and int(name.split(".")[1]) <= last)
            assert torch.equal(after[name], tensor) == early, name

    def test_one_seed_one_result_another_seed_another(self, tmp_path: Path) -> None:
        first = fit(tiny_task(tmp_path), tmp_path / "a")
        assert_equal(fit(tiny_task(tmp_path), tmp_path / "b"), first)
        other = fit(tiny_task(tmp_path, replace(RECIPE, seed=1)), tmp_path / "c")
        assert any(not torch.equal(tensor, other[name]) for name, tensor in first.items())

    @pytest.mark.slow
    def test_several_readers_give_the_same(self, tmp_path: Path) -> None:
        one = fit(tiny_task(tmp_path, replace(RECIPE, epochs=1)), tmp_path / "a")
        two = fit(tiny_task(tmp_path, replace(RECIPE, epochs=1), workers=1), tmp_path / "b")
        assert_equal(two, one)


class TestResume:
    @pytest.mark.parametrize("step", [1, 4, 6])
    def test_a_stopped_training_ends_the_same(self, tmp_path: Path, step: int) -> None:
        whole = fit(tiny_task(tmp_path), tmp_path / "whole")
        with pytest.raises(StoppedError):
            tiny_task(tmp_path).loop(tmp_path / "run").fit(stop_at(step))
        task = tiny_task(tmp_path)
        resumed = task.loop(tmp_path / "run")
        resumed.fit()
        assert_equal(task.average.trained_tensors(), whole)
        assert len(resumed.history) == resumed.steps

    def test_a_finished_training_is_not_trained_again(self, tmp_path: Path) -> None:
        done = fit(tiny_task(tmp_path), tmp_path / "run")
        steps: list[int] = []
        task = tiny_task(tmp_path)
        again = task.loop(tmp_path / "run")
        again.fit(lambda reached: steps.append(reached.step))
        assert_equal(task.average.trained_tensors(), done)
        assert steps == [again.steps]  # its last step is reported once more

    @pytest.mark.parametrize("measured", [7, [7], "x", [{"step": 1}], [{"step": "x", "mIoU": 1.0}]])
    def test_a_state_whose_measurements_are_none_is_damaged(self, tmp_path: Path, measured: object) -> None:
        task = tiny_task(tmp_path)
        state.write(tmp_path / "run", task.settings, {**task.state(), "step": 0, "agreement": measured})
        with pytest.raises(FreeSegError, match="it does not fit this training"):
            tiny_task(tmp_path).loop(tmp_path / "run").fit()

    @pytest.mark.parametrize("change", [{"learning_rate": 0.5}, {"partial_labels": False}, {"epochs": 9}])
    def test_other_settings_are_refused_by_name(self, tmp_path: Path, change: dict[str, object]) -> None:
        fit(tiny_task(tmp_path), tmp_path / "run")
        with pytest.raises(FreeSegError, match=next(iter(change))):
            fit(tiny_task(tmp_path, replace(RECIPE, **change)), tmp_path / "run")  # type: ignore[arg-type]

    @pytest.mark.parametrize("step", [2, 3, 8])  # 3 ends an epoch, 9 is the last
    @pytest.mark.parametrize("what", ["loss", "gradient"])
    def test_what_is_not_finite_stops_it_and_keeps_the_last_state(
        self, tmp_path: Path, step: int, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = tiny_task(tmp_path)
        plain = task.losses

        def spoilt(sample: Sample, reached: int) -> dict[str, torch.Tensor]:
            losses = plain(sample, reached)
            if reached == step:
                masks = losses["masks"]
                # The square root of zero has no derivative: the loss is finite, its gradient is not.
                losses["masks"] = masks * torch.nan if what == "loss" else masks + (masks - masks).sqrt()
            return losses

        monkeypatch.setattr(task, "losses", spoilt)
        with pytest.raises(FreeSegError, match=f"the {what} is nan at step {step}; lower --learning-rate"):
            fit(task, tmp_path / "run")
        kept = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
        assert kept["step"] == step
        assert all(tensor.isfinite().all() for tensor in (*kept["network"].values(), *kept["average"].values()))

    def test_a_report_that_was_stopped_comes_again(self, tmp_path: Path) -> None:
        with pytest.raises(StoppedError):
            tiny_task(tmp_path).loop(tmp_path / "run").fit(stop_at(9))
        reported: list[int] = []
        tiny_task(tmp_path).loop(tmp_path / "run").fit(lambda reached: reported.append(reached.step))
        assert reported == [9]

    def test_each_epoch_is_measured_once_even_when_measuring_is_stopped(self, tmp_path: Path) -> None:
        measured: list[int] = []

        def measure(network: object, step: int, history: object, earlier: object) -> dict[str, float]:
            measured.append(step)
            if measured == [3, 6]:
                raise StoppedError
            return {"step": step, "mIoU": 10.0 * step}

        for attempt in range(2):
            task = tiny_task(tmp_path)
            task.measure = measure
            if attempt == 0:
                with pytest.raises(StoppedError):
                    fit(task, tmp_path / "run")
            else:
                fit(task, tmp_path / "run")
        assert measured == [3, 6, 6, 9]
        assert task.measured == [{"step": step, "mIoU": 10.0 * step} for step in (3, 6, 9)]
        assert task.metrics == {"agreement": 90.0}

    @pytest.mark.slow
    def test_a_damaged_mask_is_a_line_from_another_process_too(self, tmp_path: Path) -> None:
        task = tiny_task(tmp_path, workers=1)
        masks = task.samples.masks
        (masks.folder / masks.entries[0].mask).write_bytes(b"no picture")
        with pytest.raises(DataError, match=r"missing or damaged .*; run the same `freeseg label` again$") as raised:
            fit(task, tmp_path / "run")
        assert "Traceback" not in str(raised.value)

    def test_a_batch_that_processes_cannot_share(self) -> None:
        with pytest.raises(DataError, match="a batch of 16 cannot be shared by 3 processes"):
            check_batch(100, NetworkRecipe(batch_size=16), processes=3)

    def test_fewer_photos_than_a_batch(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="batch"):
            tiny_task(tmp_path, replace(RECIPE, batch_size=50))


@pytest.mark.parametrize(
    "change",
    [
        {"foreground_share": 0.0},
        {"background_share": 1.5},
        {"side": 100},
        {"epochs": 0},
        {"ema": 2.0},
        {"clamp": 0.0},
        {"seed": -1},
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(FreeSegError, match=next(iter(change))):
        NetworkRecipe(**change)  # type: ignore[arg-type]
