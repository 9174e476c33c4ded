"""Everyday words: "sofa" alone means "couch" too, and "person" a man; who says what it means is taken at their word."""

from __future__ import annotations

import tomllib
from collections import Counter
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import freeseg
from freeseg.words import Vocabulary, vocabulary
from freeseg.words.everyday import other_names, with_other_names
from freeseg.words.mentioned import mentions
from freeseg.words.spelling import word_key

PERSON = ("person", "man", "woman", "child", "boy", "girl", "people")


@pytest.mark.parametrize(
    ("labels", "aliases"),
    [
        ("person", [PERSON]),
        ("Person", [("Person", *PERSON[1:])]),
        (["cat", "person"], [("cat",), PERSON]),
        ("person|human", [("person", "human")]),
        ({"person": ["man"]}, [("person", "man")]),
        ("person, woman, lad|boy", [("person", "man", "child", "girl", "people"), ("woman",), ("lad", "boy")]),
        ("person, People", [PERSON[:-1], ("People",)]),
        ("personal computer, salesperson", [("personal computer",), ("salesperson",)]),
        ("person|, kid", [("person",), ("kid", "child")]),
        ("person | , sofa\uff5c", [("person",), ("sofa",)]),
        (["person|man|", "cat|"], [("person", "man"), ("cat",)]),
        ('["sofa|", "couch"]', [("sofa",), ("couch", "settee")]),
        ({"person|": []}, [("person",)]),
    ],
)
def test_what_a_label_is_looked_for_as(labels: object, aliases: list[tuple[str, ...]]) -> None:
    assert [label.aliases for label in Vocabulary.of(labels).labels] == aliases


def test_it_can_be_turned_off() -> None:
    assert Vocabulary.of("person", everyday_words=False).aliases == ("person",)


@pytest.mark.parametrize("name", freeseg.words.names())
def test_lists_that_ship_are_as_they_are_written(name: str) -> None:
    assert Vocabulary.of(name) == vocabulary(name)


@given(st.lists(st.sampled_from([*PERSON, "human", "cat"]), min_size=1, max_size=5, unique=True))
def test_no_word_is_given_twice(words: list[str]) -> None:
    widened = with_other_names([(word,) for word in words])
    assert [aliases[0] for aliases in widened] == words
    every = [word_key(alias) for aliases in widened for alias in aliases]
    assert len(every) == len(set(every))


def test_the_lists_name_every_word_once() -> None:
    table = tomllib.loads(resources.files("freeseg.words").joinpath("everyday_words.toml").read_text(encoding="utf-8"))
    assert all(word in phrase.split() for word, phrases in table["not_meant"].items() for phrase in phrases)
    words = [*table["examples"], *(word for group in table["names"] for word in group)]
    assert [word for word, count in Counter(map(word_key, words)).items() if count > 1] == []
    for word, examples in table["examples"].items():
        assert word not in map(word_key, examples)
        assert len(set(examples)) == len(examples)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("Sofa", ("couch", "settee")),
        ("couch", ("sofa", "settee")),
        ("diningtable", ("dining table", "dinner table")),
        ("dining-table", ("dining table", "dinner table")),
        ("T-Shirt", ("tee shirt", "tshirt")),
        ("sofa bed", ()),
        ("vehicles", ("car", "bus", "truck", "van", "train", "motorcycle", "bicycle", "boat", "ship", "airplane")),
        ("bottles", ("water bottle", "wine bottle", "beer bottle")),
        ("", ()),
    ],
)
def test_other_names_of_a_word(word: str, names: tuple[str, ...]) -> None:
    assert other_names(word) == names


@pytest.mark.parametrize(
    ("labels", "aliases"),
    [
        (["vehicle", "motorbike"], ("motorbike", "motorcycle", "motor bike")),
        (["person", "kid"], ("kid", "child")),
        (["furniture", "couch"], ("couch", "sofa", "settee")),
        (["table", "dinner table"], ("dinner table", "dining table")),
        (["animals", "bunny"], ("bunny", "rabbit")),
        (["bathtub", "bath-tub"], ("bath-tub",)),
        (["couch", "sofá"], ("sofá",)),
    ],
)
def test_a_name_for_the_same_thing_stays_with_it(labels: list[str], aliases: tuple[str, ...]) -> None:
    """Whichever label is named first: a motorcycle is not just any vehicle where somebody asks for motorbikes."""
    for order in (labels, labels[::-1]):
        widened = dict(zip(order, with_other_names([(label,) for label in order]), strict=True))
        assert set(aliases) <= set(widened[labels[1]])
        assert not set(map(word_key, aliases)) & set(map(word_key, widened[labels[0]]))


def test_labels_that_were_two_stay_two() -> None:
    """No name is added that the model cannot tell from another label."""
    words = freeseg.load().embed_vocabulary(Vocabulary.of(["couch", "sofá", "boat", "canoé"]))
    assert words.names == ("couch", "sofá", "boat", "canoé")


def test_a_caption_may_use_the_other_name() -> None:
    assert mentions(["A couch in front of a tv set"], Vocabulary.of("television, sofa, table")) == [0, 1]


@pytest.mark.parametrize("name", ["voc20", "common"])
def test_the_names_of_all_lists_can_be_asked_for_as_words(name: str) -> None:
    """No other name is the same to the model as another label."""
    words = [label.name for label in vocabulary(name).labels]
    freeseg.load().embed_vocabulary(Vocabulary.of(words))


def test_a_person_is_found_where_a_woman_is() -> None:
    import skimage.data

    photo = skimage.data.astronaut()
    model = freeseg.load(precision="float32")
    found, asked = model.segment(photo, "person, flag"), model.segment(photo, "|".join(PERSON) + ", flag")
    assert np.array_equal(found.mask, asked.mask)
    assert (found.mask == 1).mean() > 0.1
