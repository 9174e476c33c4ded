"""The class lists that ship: as many as the dataset has, tidy, and the same in both settings."""

from __future__ import annotations

from importlib import resources

import pytest

from freeseg.words import Vocabulary
from freeseg.words.datasets import class_list
from freeseg.words.lists import label_list

COUNTS = {"voc": 20, "context": 59, "coco-object": 80, "coco-stuff164k": 171, "cityscapes": 19, "ade20k": 150}


def test_every_list_is_tried() -> None:
    files = resources.files("freeseg.words.datasets").iterdir()
    assert {file.name for file in files if file.name.endswith(".toml")} == {f"{name}.toml" for name in COUNTS}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_counts_and_order(name: str, count: int) -> None:
    classes = class_list(name)
    assert len(classes.names) == len(classes.aliases) == count
    assert "background" not in classes.names


@pytest.mark.parametrize("name", COUNTS)
def test_both_settings_are_vocabularies(name: str) -> None:
    classes = class_list(name)
    assert Vocabulary.of(classes.names, everyday_words=False).aliases == classes.names
    assert Vocabulary.of(classes.aliases).names == tuple(alias.split("|")[0] for alias in classes.aliases)
    for word in (*Vocabulary.of(classes.aliases).aliases, *classes.names):
        assert word == " ".join(word.split())
        assert word


@pytest.mark.parametrize("name", sorted(COUNTS.keys() - {"voc"}))
def test_aliases_are_words_that_one_could_say(name: str) -> None:
    """The datasets' names such as "wall-brick" and "pottedplant" mean little to a model of language."""
    aliases = Vocabulary.of(class_list(name).aliases).aliases
    assert len(set(aliases)) == len(aliases)
    assert not {word for word in aliases if word.endswith(("-other", "-stuff")) or word in ("pottedplant", "tvmonitor")}
    assert {"person", "man", "woman"} <= set(aliases)


def test_voc_has_its_aliases_in_the_list_of_its_name() -> None:
    names = [label.partition("|")[0] for label in label_list("voc20")]
    assert class_list("voc").names == class_list("voc").aliases == tuple(names)


def test_contexts_names_are_sorted() -> None:
    assert class_list("context").names == tuple(sorted(class_list("context").names))


def test_cocos_things_are_the_first_classes_of_its_stuff() -> None:
    assert class_list("coco-stuff164k").names[:80] == class_list("coco-object").names
