"""Losses against formulas written out with numpy, scipy and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from sklearn.metrics import log_loss

from freeseg.decision.pooling import POOLINGS
from freeseg.training.teacher.losses import (
    distillation,
    group_probabilities,
    multi_positive_nce,
    pooled_similarity,
)

SEEDS = st.integers(0, 2**31)


def some(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def flags(seed, *shape, share=0.4):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def info_nce(similarity: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The plain case: text i belongs to photo i."""
    return multi_positive_nce(similarity, torch.eye(len(similarity), dtype=torch.bool), scale=scale)


class TestPooledSimilarity:
    @pytest.mark.parametrize("where", ["features", "similarities"])
    @pytest.mark.parametrize("attention", [False, True])
    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_equals_loops(self, pooling, attention, where):
        patches, texts = some(0, 2, 4, 6), unit(some(1, 3, 4))
        weight = some(2, 2, 1, 6).sigmoid() if attention else None
        result = pooled_similarity(patches, texts, POOLINGS[pooling], where=where, weight=weight, tau=0.7)
        assert result.shape == (2, 3)
        for b, n in np.ndindex(2, 3):
            own = None if weight is None else weight[b, 0]
            if where == "features":
                vector = [POOLINGS[pooling](patches[b, d], own, 0.7).item() for d in range(4)]
                length = math.sqrt(sum(v * v for v in vector))
                expected = sum(v / length * t for v, t in zip(vector, texts[n].tolist(), strict=True))
            else:
                cosines = [(patches[b, :, p] @ texts[n] / patches[b, :, p].norm()).item() for p in range(6)]
                expected = POOLINGS[pooling](torch.tensor(cosines, dtype=torch.float64), own, 0.7).item()
            assert result[b, n].item() == pytest.approx(expected)

    def test_the_two_places_differ(self):
        patches, texts = some(0, 2, 4, 6), unit(some(1, 3, 4))
        places = [
            pooled_similarity(patches, texts, POOLINGS["mean"], where=w, weight=None, tau=1.0)
            for w in ("features", "similarities")
        ]
        assert (places[0] - places[1]).abs().max() > 0.05

    def test_another_place_is_refused(self):
        with pytest.raises(ValueError, match="'pixels'; it must be 'features' or 'similarities'"):
            pooled_similarity(
                torch.zeros(1, 2, 3), torch.zeros(1, 2), POOLINGS["mean"], where="pixels", weight=None, tau=1.0
            )


class TestInfoNce:
    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.integers(2, 7), st.floats(0.1, 50))
    def test_is_the_mean_of_both_cross_entropies(self, seed, pairs, scale):
        similarity = some(seed, pairs, pairs).tanh()
        logits, target = scale * similarity.numpy(), np.arange(pairs)
        by_image = log_softmax(logits, axis=1)[target, target]
        by_text = log_softmax(logits, axis=0)[target, target]
        result = info_nce(similarity, torch.tensor(scale)).item()
        assert result == pytest.approx(-(by_image.mean() + by_text.mean()) / 2)

    def test_equals_sklearn(self):
        similarity = some(0, 4, 4).tanh()
        probabilities = [softmax(5 * m.numpy(), axis=1) for m in (similarity, similarity.T)]
        expected = sum(log_loss(range(4), p, labels=range(4)) for p in probabilities) / 2
        assert info_nce(similarity, torch.tensor(5.0)).item() == pytest.approx(expected)

    def test_knows_images_from_texts_but_treats_them_alike(self):
        similarity = some(3, 5, 5)
        torch.testing.assert_close(info_nce(similarity, torch.tensor(2.0)), info_nce(similarity.T, torch.tensor(2.0)))

    def test_undecided_is_the_log_of_the_batch(self):
        assert info_nce(torch.full((6, 6), 0.3), torch.tensor(20.0)).item() == pytest.approx(math.log(6))

    def test_the_scale_learns(self):
        scale = torch.tensor(3.0, requires_grad=True)
        info_nce(torch.eye(3), scale).backward()
        assert scale.grad < 0  # sure and right: a larger scale lowers the loss


class TestMultiPositiveNce:
    @settings(max_examples=25, deadline=None)
    @given(SEEDS, st.integers(1, 6), st.integers(1, 6))
    def test_equals_loops(self, seed, photos, nouns):
        similarity, positive = some(seed, photos, nouns).tanh(), flags(seed, photos, nouns)

        def one_way(logits, positive):
            terms = []
            for row, own in zip(logits, positive, strict=True):
                if own.any():
                    total = sum(math.exp(v) for v in row)
                    terms.append(-np.mean([v - math.log(total) for v, p in zip(row, own, strict=True) if p]))
            return np.mean(terms) if terms else 0.0

        logits, flagged = 4 * similarity.numpy(), positive.numpy()
        expected = (one_way(logits, flagged) + one_way(logits.T, flagged.T)) / 2
        assert multi_positive_nce(similarity, positive, scale=torch.tensor(4.0)).item() == pytest.approx(expected)

    def test_rows_without_a_positive_are_left_out_but_compete(self):
        similarity = torch.tensor([[0.9, 0.1], [0.8, -0.5]], dtype=torch.float64)
        positive = torch.tensor([[True, False], [False, False]])
        by_photo = -log_softmax([0.9, 0.1])[0]
        by_noun = -log_softmax([0.9, 0.8])[0]
        result = multi_positive_nce(similarity, positive, scale=torch.tensor(1.0)).item()
        assert result == pytest.approx((by_photo + by_noun) / 2)

    def test_no_positive_at_all_is_no_loss(self):
        similarity = some(0, 3, 4).requires_grad_()
        loss = multi_positive_nce(similarity, torch.zeros(3, 4, dtype=torch.bool), scale=torch.tensor(10.0))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(similarity.grad, torch.zeros(3, 4).double())

    def test_the_gradient_pulls_positives_up_and_pushes_others_down(self):
        similarity = torch.zeros(2, 3, requires_grad=True)
        positive = torch.tensor([[True, True, False], [False, False, True]])
        multi_positive_nce(similarity, positive, scale=torch.tensor(10.0)).backward()
        assert (similarity.grad[positive] < 0).all()
        assert (similarity.grad[~positive] > 0).all()


class TestDistillation:
    def test_is_the_mean_kl_divergence(self):
        patches, names = some(0, 6, 4), unit(some(1, 5, 4))
        probabilities = some(2, 6, 5).softmax(dim=1)
        cosines = (unit(patches) @ names.T).numpy()
        student = softmax(12 * cosines, axis=1)
        expected = np.mean([entropy(p, q) for p, q in zip(probabilities.numpy(), student, strict=True)])
        assert distillation(patches, names, probabilities, scale=12.0).item() == pytest.approx(expected)

    def test_is_zero_when_the_distributions_agree(self):
        patches, names = some(0, 6, 4), unit(some(1, 5, 4))
        agreed = (9 * unit(patches) @ names.T).softmax(dim=1)
        assert distillation(patches, names, agreed, scale=9.0).item() == pytest.approx(0, abs=1e-12)
        assert distillation(patches, names, agreed.flip(1), scale=9.0).item() > 0.1

    def test_impossible_classes_are_no_nan(self):
        names = torch.eye(3)
        loss = distillation(torch.randn(2, 3), names, torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5]]), scale=100.0)
        assert loss.isfinite()

    def test_lengths_of_patches_do_not_matter(self):
        patches, names, probabilities = some(0, 3, 4), unit(some(1, 5, 4)), some(2, 3, 5).softmax(dim=1)
        torch.testing.assert_close(
            distillation(patches * 50, names, probabilities, scale=8.0),
            distillation(patches, names, probabilities, scale=8.0),
        )


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_group_probabilities_equal_a_loop(seed, groups):
    probabilities = some(seed, 3, len(groups)).softmax(dim=1)
    result = group_probabilities(probabilities, torch.tensor(groups), 5)
    for row, kind in np.ndindex(3, 5):
        own = sum(p for p, group in zip(probabilities[row].tolist(), groups, strict=True) if group == kind)
        assert result[row, kind].item() == pytest.approx(own)
    torch.testing.assert_close(result.sum(dim=1), torch.ones(3).double())
