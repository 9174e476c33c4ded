"""The decision as it is exported, in batches, is that of freeseg.decision.masks, photo by photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from freeseg.decision import itsm
from freeseg.decision import presence as decided
from freeseg.decision.masks import free_mask
from freeseg.decision.rule import Decision
from freeseg.export.graph import ABSENT, FixedVocabulary, OpenVocabulary, logits, presence, presence_prior
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary
from tiny import iclip_of

NEAR = 1e-4  # a choice by less than this may fall either way: the order of a sum decides


def rules() -> st.SearchStrategy[Decision]:
    """Decision rules that refine nothing."""
    return st.builds(
        Decision,
        logit_scale=st.sampled_from([1.0, 20.0, 100.0]),
        presence_share=st.floats(0.01, 1.0),
        presence_ratio=st.floats(0.0, 1.0),
        presence_floor=st.floats(0.0, 1.0),
        presence_weight=st.sampled_from([0.0, 1.0, 2.5]),
        background_margin=st.floats(-0.2, 0.2),
        refine_steps=st.just(0),
    )


@st.composite
def cosines(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of labels (B, N, h, w) and of background words (B, K, h, w)."""
    batch, labels, words = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(0, 3))
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    maps = torch.rand(batch, labels + words, rows, columns, generator=random)
    return 2 * maps[:, :labels] - 1, 2 * maps[:, labels:] - 1


def clear(labels: torch.Tensor, words: torch.Tensor, rule: Decision) -> bool:
    """Whether no label of a photo is present, or not, by a hair."""
    probability = decided.probabilities(labels.numpy(), words.numpy(), rule.logit_scale)
    scores = decided.presence(probability, rule.presence_share)
    far = np.abs(scores - rule.presence_ratio * scores.max()).min() > NEAR or rule.presence_ratio == 1
    if len(words):
        lead = torch.sigmoid(rule.logit_scale * (labels - words.amax(dim=0))).numpy()
        alone = decided.presence(lead, rule.presence_share)
        far = far and np.abs(alone - rule.presence_floor).min() > NEAR
    return bool(far)


@settings(deadline=None)
@given(cosines(), rules(), st.booleans(), st.tuples(st.integers(1, 20), st.integers(1, 20)), st.integers(0, 255))
def test_the_mask_is_that_of_masks(maps, rule, background, size, bits):
    labels, words = maps
    is_background_word = torch.tensor([bool(bits >> index & 1) for index in range(labels.shape[1])])
    words = words if background else words[:, :0]
    assume(all(clear(*each, rule) for each in zip(labels, words, strict=True)))
    found = logits(labels, words, is_background_word, background, rule)
    assert found.shape == (len(labels), labels.shape[1] + background, *labels.shape[2:])
    upsampled = F.interpolate(found.softmax(dim=1), size, mode="bilinear", align_corners=False)
    for index, scores in enumerate(upsampled):
        others = words[index].numpy() if words.shape[1] else None
        photo, known = np.zeros((3, *labels.shape[2:]), np.float32), is_background_word.numpy()
        expected = free_mask(labels[index].numpy(), others, photo, size, rule, is_background_word=known)
        wanted = torch.from_numpy(expected.labels + (background and others is None))
        best = scores.topk(min(2, len(scores)), dim=0).values
        torch.testing.assert_close(best[0], torch.from_numpy(expected.confidence), atol=1e-4, rtol=1e-4)
        sure = best[0] - best[-1] > NEAR if len(scores) > 1 else torch.ones(size, dtype=torch.bool)
        assert torch.equal(scores.argmax(dim=0)[sure], wanted.long()[sure])


def test_the_prior_is_that_of_masks() -> None:
    scores = torch.tensor([[0.9, 0.5, 1e-6, 0.0], [0.2, 0.1, 0.3, 0.4]])
    there = torch.tensor([[False, True, True, True], [True, True, True, False]])
    for weight in (0.5, 2.0):
        found = presence_prior(scores, there, weight)
        for each, present, prior in zip(scores, there, found, strict=True):
            expected = decided.presence_prior(each[present].numpy(), weight)
            np.testing.assert_allclose(prior[present], expected, rtol=1e-6)


def test_where_no_label_is_present_all_are_absent() -> None:
    found = logits(torch.zeros(1, 2, 1, 3), torch.ones(1, 1, 1, 3), torch.zeros(2, dtype=torch.bool), True, Decision())
    assert (found[:, 1:] == ABSENT).all()
    assert torch.isfinite(found).all()


@settings(deadline=None)
@given(cosines(), st.floats(0.001, 1.0))
def test_presence_is_that_of_masks_for_any_number_of_patches(maps, share):
    labels = maps[0]
    expected = torch.stack([torch.from_numpy(decided.presence(each.numpy(), share)) for each in labels])
    torch.testing.assert_close(presence(labels, share), expected)


@pytest.mark.parametrize(
    ("patches", "share", "counted"), [(50, 0.06, 3), (150, 0.06, 9), (101, 0.06, 7), (1, 0.001, 1)]
)
def test_as_many_patches_count_as_in_python(patches, share, counted):
    scores = torch.arange(patches, 0, -1, dtype=torch.float32).reshape(1, 1, 1, patches)
    assert presence(scores, share).item() == pytest.approx(patches - (counted - 1) / 2)


def test_a_label_that_is_not_present_is_out_of_every_softmax():
    maps = torch.tensor([[[[0.9, 0.1]], [[-0.9, -0.8]]]])
    found = logits(maps, maps[:, :0], torch.tensor([False, True]), False, Decision(presence_ratio=0.5))
    assert (found[0, 1] == ABSENT).all()
    assert torch.equal(found.softmax(dim=1)[0, 0], torch.ones(1, 2))


def test_a_background_without_words_is_nowhere():
    maps = torch.rand(2, 3, 4, 5)
    is_background_word = torch.tensor([True, False, True])
    found = logits(maps, maps[:, :0], is_background_word, True, Decision())
    assert (found[:, 0] == ABSENT).all()
    assert torch.equal(found[:, 1:], logits(maps, maps[:, :0], is_background_word, False, Decision()))


@pytest.mark.parametrize("background", [True, False])
@torch.inference_mode()
def test_a_photo_is_decided_as_the_library_does(model: FreeSeg, background: bool):
    words = model.embed_vocabulary(Vocabulary.of("cat|kitten, dog, red car, grass"))
    graph = FixedVocabulary(iclip_of(model), model.config.decision, words, background)
    picture = torch.randint(0, 256, (70, 90, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)).numpy()
    prepared = model.prepare(picture)
    found = graph(torch.from_numpy(prepared.pixels).permute(2, 0, 1)[None].float())
    maps = model.maps(prepared, words)
    labels, others = (torch.from_numpy(each)[None] for each in maps)
    others = others if background else others[:, :0]
    assert words.is_background_word.tolist() == [False, False, False, True]
    is_background_word = torch.from_numpy(words.is_background_word)
    expected = logits(labels, others, is_background_word, background, model.config.decision)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert found.shape[1] == 4 + background


@torch.inference_mode()
def test_the_open_graph_is_itsm(model: FreeSeg):
    pixels, text = 255 * torch.rand(2, 3, 40, 33), torch.randn(3, 16)
    found = OpenVocabulary(iclip_of(model), model.config.decision)(pixels, text)
    torch.testing.assert_close(found, itsm.similarity(iclip_of(model).embed_image(pixels), text))
