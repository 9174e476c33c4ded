"""The class lists that ship: as many as the dataset has, tidy, and the same in both settings."""

from __future__ import annotations

from importlib import resources

import pytest

from freeseg.words import Vocabulary
from freeseg.words.datasets import class_list

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
    assert Vocabulary.of(classes.names).aliases == classes.names
    assert Vocabulary.of(classes.aliases).names == tuple(alias.split("|")[0] for alias in classes.aliases)
    for word in (*Vocabulary.of(classes.aliases).aliases, *classes.names, *classes.background_words):
        assert word == " ".join(word.split())
        assert word


@pytest.mark.parametrize("name", ["coco-stuff164k", "cityscapes", "ade20k"])
def test_published_aliases_that_only_lack_their_spaces(name: str) -> None:
    classes = class_list(name)
    assert classes.aliases == tuple(word.replace(" ", "") for word in classes.names)


def test_published_aliases_of_voc() -> None:
    classes = class_list("voc")
    changed = {name: alias for name, alias in zip(classes.names, classes.aliases, strict=True) if name != alias}
    assert set(changed) == {"boat", "diningtable", "person", "tvmonitor"}
    assert changed["boat"] == "ship"
    assert changed["person"].count("|") == 6


def test_context_uses_its_names_as_they_are() -> None:
    assert class_list("context").aliases == class_list("context").names == tuple(sorted(class_list("context").names))


def test_cocos_things_are_the_first_classes_of_its_stuff() -> None:
    assert class_list("coco-stuff164k").names[:80] == class_list("coco-object").names
