"""General words: "person" alone stands for "man" and the like; who says what it means is taken at their word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import freeseg
from freeseg.words import Vocabulary, vocabulary
from freeseg.words.general import general_words, with_examples
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
    ],
)
def test_what_a_label_is_looked_for_as(labels: object, aliases: list[tuple[str, ...]]) -> None:
    assert [label.aliases for label in Vocabulary.of(labels).labels] == aliases


def test_it_can_be_turned_off() -> None:
    assert Vocabulary.of("person", general_words=False).aliases == ("person",)


@pytest.mark.parametrize("name", freeseg.words.names())
def test_lists_that_ship_are_as_they_are_written(name: str) -> None:
    assert Vocabulary.of(name) == vocabulary(name)


@given(st.lists(st.sampled_from([*PERSON, "human", "cat"]), min_size=1, max_size=5, unique=True))
def test_no_word_is_given_twice(words: list[str]) -> None:
    widened = with_examples([(word,) for word in words])
    assert [aliases[0] for aliases in widened] == words
    every = [word_key(alias) for aliases in widened for alias in aliases]
    assert len(every) == len(set(every))


def test_no_general_word_is_its_own_example() -> None:
    for word, examples in general_words().items():
        assert word not in map(word_key, examples)


def test_a_person_is_found_where_a_woman_is() -> None:
    import skimage.data

    photo = skimage.data.astronaut()
    model = freeseg.load(precision="float32")
    found, asked = model.segment(photo, "person, flag"), model.segment(photo, "|".join(PERSON) + ", flag")
    assert np.array_equal(found.mask, asked.mask)
    assert (found.mask == 1).mean() > 0.1
