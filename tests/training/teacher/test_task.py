"""Dense ICLIP training, on a tiny model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from freeseg.errors import DataError, FreeSegError
from freeseg.models.iclip import ICLIP
from freeseg.training.loop import StepReport
from freeseg.training.teacher.data import TeacherData
from freeseg.training.teacher.recipe import TeacherRecipe
from freeseg.training.teacher.task import TeacherTask, train_average
from teachers import RECIPE, TOWERS, data, words
from tiny import tiny_iclip


def train(
    run: Path,
    recipe: TeacherRecipe = RECIPE,
    stop_after: int = 0,
    known: TeacherData | None = None,
    towers: Mapping[str, str] = TOWERS,
) -> ICLIP:
    model = tiny_iclip()

    def report(reached: StepReport) -> None:
        if reached.step == stop_after:
            raise KeyboardInterrupt

    loop = TeacherTask(model, known or data(), words(), recipe, towers=towers).loop(run)
    if stop_after:
        with pytest.raises(KeyboardInterrupt):
            loop.fit(report)
    else:
        loop.fit()
    return model


def test_learns_to_find_the_photo_of_a_caption(tmp_path: Path) -> None:
    model, steps = tiny_iclip(), []
    recipe = replace(RECIPE, epochs=10, distill=0.0, nouns=0.0)
    TeacherTask(model, data(200), words(), recipe).loop(tmp_path).fit(steps.append)
    assert steps[-1].losses["captions"] < 0.7 * steps[0].losses["captions"]
    assert steps[-1].metrics["R@1"] > 0.5  # chance is 1 / 8
    assert steps[-1].step == steps[-1].steps == 10 * 23


@pytest.mark.parametrize("stop_after", [1, 3, 4, 8])
def test_a_stopped_training_ends_at_the_same_weights(tmp_path: Path, stop_after: int) -> None:
    whole = train(tmp_path / "whole").trained_tensors()
    train(tmp_path / "stopped", stop_after=stop_after)
    resumed = train(tmp_path / "stopped").trained_tensors()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    first = train(tmp_path / "a").image_head.first.weight
    second = train(tmp_path / "b", replace(RECIPE, seed=1)).image_head.first.weight
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("where", ["features", "similarities"])
@pytest.mark.parametrize("pooling", ["mean", "max", "masked-max", "min", "smoothed-min"])
@pytest.mark.parametrize("attention", ["energy", "none"])
def test_every_pooling_trains(tmp_path: Path, pooling: str, where: str, attention: str) -> None:
    choice = {"pooling": pooling, "where": where, "attention": attention}
    recipe = replace(RECIPE, epochs=1, smoothing=3, nouns=0.5, distill_kinds=0.5, **choice)
    before = tiny_iclip().text_head.weight
    assert not torch.equal(train(tmp_path, recipe).text_head.weight, before)


def test_only_the_heads_are_trained(tmp_path: Path) -> None:
    towers: list[Any] = [tiny_iclip().image_tower, train(tmp_path).image_tower]
    before, after = (tower.state_dict() for tower in towers)
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_held_out_captions_change_nothing(tmp_path: Path) -> None:
    spoiled = data()
    spoiled.texts = spoiled.texts.copy()
    spoiled.texts[[photo.row for photo in spoiled.held_out]] = 7.0
    clean, other = train(tmp_path / "a").trained_tensors(), train(tmp_path / "b", known=spoiled).trained_tensors()
    assert all(torch.equal(tensor, other[name]) for name, tensor in clean.items())


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    train(tmp_path, stop_after=2)
    with pytest.raises(FreeSegError, match=r"tau 0.5 -> 2.0"):
        train(tmp_path, replace(RECIPE, tau=2.0))


@pytest.mark.parametrize(
    ("towers", "said"),
    [
        (TOWERS | {"image tower": "c" * 64 + " surgery False"}, "image tower aaaaaaaa surgery False -> cccccccc "),
        (TOWERS | {"image tower": "a" * 64 + " raw False"}, "image tower aaaaaaaa surgery False -> aaaaaaaa raw False"),
        (TOWERS | {"text tower": "c" * 64}, "text tower bbbbbbbb -> cccccccc"),
        (TOWERS | {"attention tower": "c" * 64}, "attention tower None -> cccccccc"),
        ({"text tower": "b" * 64}, "image tower aaaaaaaa surgery False -> None"),
    ],
)
def test_other_towers_of_the_same_shapes_are_refused(tmp_path: Path, towers: dict[str, str], said: str) -> None:
    train(tmp_path, stop_after=2)
    state = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(FreeSegError, match="holds a training with other settings") as caught:
        train(tmp_path, towers=towers)
    assert f"({said}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert (tmp_path / "state.pt").read_bytes() == state


def test_the_average_refuses_other_towers_too(tmp_path: Path) -> None:
    train_average(tiny_iclip(), data(), words(), RECIPE, tmp_path, trainings=2, towers=TOWERS)
    with pytest.raises(FreeSegError, match="text tower bbbbbbbb -> cccccccc"):
        train_average(
            tiny_iclip(), data(), words(), RECIPE, tmp_path, trainings=2, towers=TOWERS | {"text tower": "c" * 64}
        )


def test_a_loss_that_is_no_number_keeps_the_last_good_state(tmp_path: Path) -> None:
    broken = data()
    broken.texts = broken.texts.copy()
    broken.texts[:] = np.nan
    with pytest.raises(FreeSegError, match="the loss is nan at step 0"):
        train(tmp_path, known=broken)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 0
    assert all(torch.isfinite(tensor).all() for tensor in state["heads"].values())


def test_too_few_photos_for_a_batch(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fewer than one batch of 64"):
        train(tmp_path, replace(RECIPE, batch_size=64))


@pytest.mark.parametrize(
    "wrong", [{"pooling": "median"}, {"where": "nowhere"}, {"tau": 0.0}, {"smoothing": 2}, {"seed": -1}]
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FreeSegError):
        replace(RECIPE, **wrong)


def test_bfloat16_stays_close_to_float32(tmp_path: Path) -> None:
    exact = train(tmp_path / "fp32").image_head.first.weight
    quick = train(tmp_path / "bf16", replace(RECIPE, precision="bfloat16")).image_head.first.weight
    assert torch.nn.functional.cosine_similarity(exact.flatten(), quick.flatten(), dim=0) > 0.98


def test_the_average_of_trainings_is_the_mean_of_their_heads(tmp_path: Path) -> None:
    alone = [train(tmp_path / str(seed), replace(RECIPE, seed=seed)).trained_tensors() for seed in (0, 1, 2)]
    model, steps = tiny_iclip(), []
    train_average(model, data(), words(), RECIPE, tmp_path / "all", trainings=3, report=steps.append)
    for name, tensor in model.trained_tensors().items():
        torch.testing.assert_close(tensor, torch.stack([heads[name] for heads in alone]).mean(dim=0))
    assert [each.step for each in steps] == list(range(1, steps[-1].steps + 1))
