"""Partial labels, partial pixels and distillation against slow, literal computations."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from freeseg.training.network.losses import (
    UNKNOWN,
    embedding_distillation,
    mask_loss,
    partial_logits,
    partial_pixels,
)
from freeseg.training.network.words import VocabularyTensors

SCALE, MARGIN = 20.0, 0.06


def vocabulary(label_of_alias: list[int], is_background_word: list[bool], left_out_by: Tensor) -> VocabularyTensors:
    """A vocabulary without embeddings, which the logits do not need."""
    texts = torch.zeros(len(label_of_alias) + len(left_out_by), 1)
    return VocabularyTensors(texts, torch.tensor(label_of_alias), torch.tensor(is_background_word), left_out_by)


def literal_logits(similarity: Tensor, words: VocabularyTensors, competing: Tensor) -> Tensor:
    """Pixel by pixel: the best alias of each competing label, the best background word that means none of them."""
    _, label_of_alias, is_background_word, left_out_by = words
    photos, _, height, width = similarity.shape
    labels, aliases = competing.shape[1], len(label_of_alias)
    result = torch.full((photos, 1 + labels, height, width), -math.inf)
    for b in range(photos):
        left = [
            m for m in range(len(left_out_by)) if not any(left_out_by[m, n] and competing[b, n] for n in range(labels))
        ]
        for y in range(height):
            for x in range(width):
                if left:
                    best = max(similarity[b, aliases + m, y, x].item() for m in left)
                    result[b, 0, y, x] = SCALE * (best + MARGIN)
                for n in range(labels):
                    if competing[b, n]:
                        own = [similarity[b, a, y, x].item() for a in range(aliases) if label_of_alias[a] == n]
                        result[b, 1 + n, y, x] = SCALE * (max(own) + (MARGIN if left and is_background_word[n] else 0))
    return result


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=30, deadline=None)
def test_partial_logits_are_the_literal_ones(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    label_of_alias = [0, 0, 1, 2, 2, 2]
    similarity = torch.rand(2, len(label_of_alias) + 4, 2, 3, generator=generator) * 2 - 1
    competing = torch.rand(2, 3, generator=generator) < 0.5
    left_out_by = torch.rand(4, 3, generator=generator) < 0.3
    words = vocabulary(label_of_alias, [False, True, False], left_out_by)
    found = partial_logits(similarity, words, competing, scale=SCALE, margin=MARGIN)
    torch.testing.assert_close(found, literal_logits(similarity, words, competing))


def test_a_label_that_nobody_mentioned_is_not_pushed_away() -> None:
    similarity = torch.zeros(1, 4, 1, 1, requires_grad=True)
    known = torch.tensor([[True, False]])
    words = vocabulary([0, 1], [False, False], torch.zeros(2, 2, dtype=torch.bool))
    logits = partial_logits(similarity, words, known, scale=SCALE, margin=0.0)
    mask_loss(logits, torch.tensor([[[1]]]), torch.ones(1, 1, 1, dtype=torch.bool), clamp=math.inf).backward()
    gradient = similarity.grad
    assert gradient is not None
    assert gradient[0, 1].item() == 0  # the other label
    assert gradient[0, 0].item() < 0 < gradient[0, 2:].sum().item()  # its own up, the background down


def test_without_background_words_labels_compete_alone() -> None:
    similarity = torch.tensor([0.5, 0.25]).reshape(1, 2, 1, 1)
    words = vocabulary([0, 1], [False, True], torch.zeros(0, 2, dtype=torch.bool))
    logits = partial_logits(similarity, words, torch.ones(1, 2, dtype=torch.bool), scale=2.0, margin=MARGIN)
    assert logits.flatten().tolist() == [-math.inf, 1.0, 0.5]


@given(st.integers(0, 2**31 - 1), st.floats(0.05, 1.0), st.floats(0.05, 1.0))
@settings(max_examples=50, deadline=None)
def test_partial_pixels_are_each_labels_most_confident(seed: int, foreground: float, background: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, 4, (7, 9), generator=generator)
    confidence = torch.randperm(63, generator=generator).reshape(7, 9) / 62  # no two alike
    chosen = partial_pixels(labels, confidence, foreground_share=foreground, background_share=background)
    assert not chosen[labels == UNKNOWN].any()
    for label in range(4):
        own = labels == label
        if own.any():
            share = background if label == 0 else foreground
            count = max(1, round(share * int(own.sum())))
            assert int(chosen[own].sum()) == count
            rest = confidence[own & ~chosen]
            assert not len(rest) or rest.max() < confidence[own & chosen].min()


def test_the_loss_is_the_mean_cross_entropy_of_supervised_pixels() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 3, 3)
    targets = torch.randint(-1, 4, (2, 3, 3))
    supervised = torch.rand(2, 3, 3) < 0.6
    expected = [
        -logits[b].log_softmax(dim=0)[targets[b, y, x], y, x]
        for b in range(2)
        for y in range(3)
        for x in range(3)
        if supervised[b, y, x] and targets[b, y, x] != UNKNOWN
    ]
    torch.testing.assert_close(mask_loss(logits, targets, supervised, clamp=math.inf), torch.stack(expected).mean())


def test_a_pixel_that_stays_hard_is_clamped_and_has_no_gradient() -> None:
    logits = torch.tensor([[[[9.0, 0.0]], [[0.0, 0.0]]]], requires_grad=True)  # the first pixel is very wrong
    loss = mask_loss(logits, torch.tensor([[[1, 1]]]), torch.ones(1, 1, 2, dtype=torch.bool), clamp=2.0)
    assert loss.item() == pytest.approx((2.0 + math.log(2)) / 2)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[..., 0].abs().sum() == 0
    assert logits.grad[..., 1].abs().sum() > 0


def test_nothing_supervised_is_no_loss() -> None:
    logits = torch.zeros(1, 2, 1, 1, requires_grad=True)
    loss = mask_loss(logits, torch.tensor([[[UNKNOWN]]]), torch.ones(1, 1, 1, dtype=torch.bool), clamp=math.inf)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_target_that_does_not_compete_is_unknown() -> None:
    logits = torch.tensor([[[[0.0]], [[-math.inf]]]])
    assert mask_loss(logits, torch.tensor([[[1]]]), torch.ones(1, 1, 1, dtype=torch.bool), clamp=math.inf).item() == 0


class TestDistillation:
    def grid(self) -> Tensor:
        return torch.randn(1, 5, 4, 4, generator=torch.Generator().manual_seed(3))

    def test_of_the_same_patches_is_zero(self) -> None:
        whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
        assert embedding_distillation(3 * self.grid(), self.grid(), whole).item() == pytest.approx(0, abs=1e-6)

    def test_of_opposite_patches_is_two(self) -> None:
        whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
        assert embedding_distillation(-self.grid(), self.grid(), whole).item() == pytest.approx(2, abs=1e-6)

    def test_a_mirrored_part_meets_the_mirrored_patches(self) -> None:
        mirrored = torch.tensor([[1.0, 0.0, 0.0, 1.0]])
        assert embedding_distillation(self.grid().flip(3), self.grid(), mirrored).item() == pytest.approx(0, abs=1e-6)
        assert embedding_distillation(self.grid(), self.grid(), mirrored).item() > 0.1

    def test_a_part_meets_its_place(self) -> None:
        """A quarter of a map that is linear in x and y, sampled where a grid of its own would lie."""
        y, x = torch.meshgrid((torch.arange(8) + 0.5) / 8, (torch.arange(8) + 0.5) / 8, indexing="ij")
        grid = torch.stack([x, y, torch.ones(8, 8)])[None]
        box = torch.tensor([[0.25, 0.5, 0.75, 0.9]])
        seen_x, seen_y = 0.25 + 0.5 * x, 0.5 + 0.4 * y
        patches = torch.stack([seen_x, seen_y, torch.ones(8, 8)])[None]
        assert embedding_distillation(patches, grid, box).item() == pytest.approx(0, abs=1e-6)
        assert embedding_distillation(grid, grid, box).item() > 1e-3
