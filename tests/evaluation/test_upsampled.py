"""SCLIP's order of steps, against its formula written out in PyTorch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from drawn import draw_voc
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.evaluation.measure import apply_protocol, predict
from freeseg.evaluation.metrics.metric import Prediction
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.upsampled import most_probable_class
from freeseg.pipeline import FreeSeg

SCALE = 9.0
RULES = Protocol("as-sclip", logit_scale=SCALE, presence=False, upsample_first=True)
WINDOWS = replace(RULES, short_side=96, long_cap=4.0, window=64, stride=32)


@pytest.fixture
def model(tiny: FreeSeg) -> FreeSeg:
    """The tiny model, whose maps are not smoothed."""
    return tiny.with_config(replace(tiny.config, decision=replace(tiny.config.decision, smoothing=1)))


@pytest.fixture(params=["voc21", "voc20"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> SegmentationData:
    """Drawn photos, with and without a background."""
    return open_dataset(request.param, draw_voc(tmp_path / "voc"))


def slide(pixels: torch.Tensor, model: FreeSeg, texts: np.ndarray, window: int, stride: int) -> torch.Tensor:
    """The logits of a resized photo, as mmsegmentation slides: (1, Q, H, W)."""
    height, width = pixels.shape[:2]
    total, count = torch.zeros(1, len(texts), height, width), torch.zeros(1, 1, height, width)
    for row in range(max(height - window + stride - 1, 0) // stride + 1):
        for column in range(max(width - window + stride - 1, 0) // stride + 1):
            bottom, right = min(row * stride + window, height), min(column * stride + window, width)
            top, left = max(bottom - window, 0), max(right - window, 0)
            crop = pixels[top:bottom, left:right]
            logits = torch.from_numpy(model.engine.similarity_maps(crop.numpy(), texts))[None]
            logits = F.interpolate(logits, size=crop.shape[:2], mode="bilinear")
            total += F.pad(logits, (left, width - right, top, height - bottom))
            count[:, :, top:bottom, left:right] += 1
    return total / count


@pytest.mark.parametrize("rules", [RULES, WINDOWS, replace(WINDOWS, threshold=0.12)], ids=["whole", "windows", "below"])
def test_is_what_sclip_does(model: FreeSeg, data: SegmentationData, rules: Protocol) -> None:
    measured, words = apply_protocol(model, data, rules, setting="aliases")
    aliases = torch.from_numpy(words.label_of_alias)
    assert len(aliases) > 20  # some labels have several
    assert (len(words.embeddings) > len(aliases)) is data.has_background
    classes = torch.cat([aliases + 1, torch.zeros(len(words.embeddings) - len(aliases), dtype=torch.int64)])
    if not data.has_background:
        classes = aliases
    seen = set()
    for item in data.items:
        prepared = measured.prepare(item.photo)
        pixels = torch.from_numpy(prepared.pixels)
        logits = slide(pixels, measured, words.embeddings, rules.window or 10_000, rules.stride or 1)
        logits = F.interpolate(logits, size=prepared.photo.size[::-1], mode="bilinear")[0]
        shares = (SCALE * logits).softmax(0)
        one_hot = F.one_hot(classes).T[:, :, None, None]
        best, winner = (shares[None] * one_hot).max(1)[0].max(0)
        if data.has_background:
            below = best < rules.threshold
            winner[below] = 0
            best = torch.where(below, 1 - best, best)
        found = predict(measured, words, prepared, rules, has_background=data.has_background)
        clear = np.abs(best.numpy() - rules.threshold) > 1e-5
        assert (found.mask == winner.numpy())[clear].mean() > 0.9995
        np.testing.assert_allclose(found.confidence[clear], best.numpy()[clear], atol=1e-5)
        seen.update(winner.unique().tolist())
    assert len(seen) > 2


def predicted(model: FreeSeg, data: SegmentationData, rules: Protocol, setting: str = "aliases") -> Prediction:
    """What a protocol makes of the first photo."""
    measured, words = apply_protocol(model, data, rules, setting=setting)
    prepared = measured.prepare(data.items[0].photo)
    return predict(measured, words, prepared, rules, has_background=data.has_background)


def test_it_is_not_what_freeseg_does(model: FreeSeg, data: SegmentationData) -> None:
    ours, theirs = (predicted(model, data, replace(WINDOWS, upsample_first=first)) for first in (False, True))
    assert np.abs(ours.confidence - theirs.confidence).max() > 1e-3
    assert ours.maps.shape == theirs.maps.shape  # for display, on the patch grid
    np.testing.assert_allclose(ours.maps, theirs.maps, atol=1e-5)


def test_refined_logits_are_upsampled_and_decided(model: FreeSeg, data: SegmentationData) -> None:
    plain, refined = (predicted(model, data, WINDOWS, setting) for setting in ("aliases", "refined"))
    assert np.abs(plain.confidence - refined.confidence).max() > 1e-3
    assert np.array_equal(plain.maps, refined.maps)


def test_without_background_words_nothing_is_background() -> None:
    logits = np.zeros((1, 2, 2), np.float32)
    labels, confidence = most_probable_class(logits, np.array([0]), (3, 3), background=True)
    assert (labels == 1).all()
    assert (confidence == 1).all()


def test_strips_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    aliases = np.array([0, 0, 1])
    whole = most_probable_class(logits, aliases, (23, 31), background=True)
    monkeypatch.setattr("freeseg.evaluation.upsampled.STRIP_FLOATS", 200)
    for one, other in zip(whole, most_probable_class(logits, aliases, (23, 31), background=True), strict=True):
        np.testing.assert_array_equal(one, other)
