"""Background words that a label covers: who asks for a temple does not want the background to be a building."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

import freeseg
from freeseg.words import Vocabulary, default_background, vocabulary
from freeseg.words.lists import _read
from freeseg.words.spelling import word_key


def test_the_table_is_about_words_of_the_background() -> None:
    known = set(default_background())
    for entry in _read("background.toml")["covers"]:
        assert set(entry["words"]) <= known
        assert all(label == word_key(label) for label in entry["labels"])
        assert len(set(entry["labels"])) == len(entry["labels"])


@pytest.mark.parametrize(
    ("label", "covered"),
    [
        ("temple", {"building", "house"}),
        ("Temple", {"building", "house"}),
        ("palace|ruin", {"building", "house"}),
        ("tree", {"tree", "leaves", "bushes", "forest"}),
        ("bush", {"leaves", "bushes"}),
        ("lake", {"water", "sea", "river"}),
        ("river|sky", {"water", "river", "cloud"}),
        ("old churches", {"building", "house"}),
        ("apple trees", {"tree", "leaves", "bushes", "forest"}),
        ("church bell", set()),
        ("cities", {"building", "house"}),
        ("churchs", set()),
        ("dog on the grass", set()),
        ("glass of water", set()),
        ("trees with leaves", {"tree", "leaves", "bushes", "forest"}),
        ("roof", set()),
        ("on grass", {"grass", "field"}),
        ("cat", set()),
        ("treehouse", set()),
    ],
)
def test_what_a_label_covers(label: str, covered: set[str]) -> None:
    asked = Vocabulary.of(["dog", label])
    found = np.array(asked.covers)
    assert found.shape == (len(asked.background_words), 2)
    assert not found[:, 0].any()
    assert {word for word, each in zip(asked.background_words, found[:, 1], strict=True) if each} == covered


def test_the_words_of_a_user_are_covered_as_well() -> None:
    asked = Vocabulary.of("church, cat", "a Building, Building, sky")
    assert asked.covers == ((False, False), (True, False), (False, False))


def test_without_background_words_there_is_nothing_to_cover() -> None:
    assert Vocabulary.of("church").with_background_words(()).covers == ()


@pytest.mark.parametrize(("part", "whole"), [("cloud", "sky"), ("leaves", "tree"), ("roof", "house")])
def test_part_of_a_whole_does_not_cover_the_whole(part: str, whole: str) -> None:
    vocabulary = Vocabulary.of(part)  # with its other names
    assert not vocabulary.covers[vocabulary.background_words.index(whole)][0]


def test_no_class_of_voc_covers_anything() -> None:
    """So its numbers do not depend on the table."""
    assert not np.array(vocabulary("voc21").covers).any()


def test_what_is_covered_does_not_compete() -> None:
    model = freeseg.load()
    asked, plain = (model.embed_vocabulary(label) for label in ("temple", "cat"))
    background = default_background()
    left_out = [word for word, means in zip(background, asked.left_out_by[:, 0], strict=True) if means]
    assert left_out == ["building", "house"]
    assert len(asked.embeddings) == len(plain.embeddings) - 2
    both = model.embed_vocabulary("cat, temple")
    assert len(both.restrict_to([0]).embeddings) == len(plain.embeddings)  # of a photo without a temple


def test_a_temple_among_trees_by_a_lake_is_found() -> None:
    result = freeseg.load().segment(load_sample_image("china.jpg"), "temple, tree, sky, water")
    names = np.array(result.labels)[result.mask]
    assert names[180, 200] == "temple"
    assert names[250, 600] == "tree"
    assert names[40, 450] == "sky"
    assert names[230, 430] == "water"
