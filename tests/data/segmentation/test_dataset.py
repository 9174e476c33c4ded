"""What all datasets have in common: words, sizes, errors, and that opening one opens no file."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from freeseg.data.segmentation import DATASETS, SETTINGS, AnnotatedPhoto, SegmentationData, check_size, open_dataset
from freeseg.data.segmentation.dataset import UNKNOWN, lookup, public_dataset
from freeseg.errors import DataError
from freeseg.words import Vocabulary, default_background, vocabulary
from trees import Tree, one_line

FILES = {
    "voc20": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
    "voc21": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
    "context59": ("JPEGImages/{}.jpg", "SegmentationClassContext/{}.png"),
    "context60": ("JPEGImages/{}.jpg", "trainval/{}.mat"),
    "coco-object": ("images/val2017/{}.jpg", "annotations/val2017/{}_instanceTrainIds.png"),
    "coco-stuff164k": ("images/val2017/{}.jpg", "annotations/val2017/{}_labelTrainIds.png"),
    "cityscapes": ("leftImg8bit/val/ulm/{}_leftImg8bit.png", "gtFine/val/ulm/{}_gtFine_labelIds.png"),
    "ade20k": ("images/validation/{}.jpg", "annotations/validation/{}.png"),
    "folder": ("JPEGImages/{}.jpg", "SegmentationClass/{}.png"),
}


def unopened(root: Path, name: str, *names: str) -> SegmentationData:
    """A dataset whose photos and masks are empty files: nobody can have opened them."""
    tree = Tree(root)
    for one in names:
        for pattern in FILES[name]:
            tree.text(pattern.format(one))
    tree.text("val.txt", *names)
    tree.json("classes.json", ["cat", "dog|puppy"])
    return tree.open(name)


def test_every_dataset_is_tried() -> None:
    assert set(FILES) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
class TestEveryDataset:
    def test_opening_opens_no_photo_and_no_mask(self, tmp_path: Path, name: str) -> None:
        data = unopened(tmp_path, name, "a", "b")
        assert [item.name for item in data.items] == ["a", "b"]
        assert data.name == name
        with pytest.raises(DataError):
            data.truth(data.items[0])

    def test_it_can_be_sent_to_a_worker(self, tmp_path: Path, name: str) -> None:
        data = unopened(tmp_path, name, "a")
        sent = pickle.loads(pickle.dumps(data))  # noqa: S301
        assert sent.items == data.items
        assert np.array_equal(sent.lookup, data.lookup)

    def test_every_class_can_be_the_truth_and_nothing_else(self, tmp_path: Path, name: str) -> None:
        data = unopened(tmp_path, name, "a")
        assert data.lookup.dtype == np.uint8
        assert set(data.lookup.tolist()) - {255, UNKNOWN} == set(range(len(data.classes)))

    @pytest.mark.parametrize("setting", SETTINGS)
    def test_words_are_those_of_the_classes_without_the_background(
        self, tmp_path: Path, name: str, setting: str
    ) -> None:
        data = unopened(tmp_path, name, "a")
        words = data.vocabulary(setting)
        assert len(words.labels) == len(data.classes) - data.has_background
        assert (data.classes[0] == "background") == data.has_background
        assert bool(words.background_words) == data.has_background
        if setting == "plain":
            assert words.aliases == data.classes[data.has_background :]
        if setting == "typed":
            assert words == Vocabulary.of(data.classes[data.has_background :], words.background_words)

    def test_a_wrong_root(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "holiday").mkdir()
        message = Tree(tmp_path).refused(name)
        assert "looked for" in message
        assert "found: holiday" in message


class TestWords:
    def test_background_words(self, tmp_path: Path) -> None:
        for name in ("voc21", "context60"):
            data = unopened(tmp_path / name, name, "a")
            for setting in SETTINGS:
                assert data.vocabulary(setting).background_words == default_background()

    def test_freesegs_own_words_where_there_are_some(self, tmp_path: Path) -> None:
        for name in ("voc20", "voc21"):
            data = unopened(tmp_path, name, "a")
            assert data.vocabulary("freeseg").labels == vocabulary("voc20").labels
            assert data.vocabulary("aliases") == data.vocabulary("freeseg")
        data = unopened(tmp_path / "ade", "ade20k", "a")
        assert data.vocabulary("freeseg") == data.vocabulary("aliases")

    def test_an_unknown_setting(self, tmp_path: Path) -> None:
        with pytest.raises(DataError) as caught:
            unopened(tmp_path, "voc21", "a").vocabulary("fancy")
        assert "'fancy'; there are: plain, typed, aliases, freeseg" in one_line(caught.value)

    def test_a_dataset_put_together_by_hand(self) -> None:
        data = SegmentationData("mine", ("background", "cat"), True, (), lookup({0: 0, 1: 1}))
        assert data.vocabulary("aliases").aliases == ("cat",)
        assert data.vocabulary("aliases").background_words == default_background()


class TestLookup:
    def test_the_whole_range_of_16_bits(self) -> None:
        table = lookup({0: 3, 65535: 4})
        assert table.shape == (65536,)
        assert (table[0], table[65535], table[255], table[1]) == (3, 4, 255, UNKNOWN)

    def test_255_counts_where_the_dataset_says_so(self) -> None:
        assert lookup({255: 0})[255] == 0

    def test_no_class_is_called_unknown(self) -> None:
        assert (
            max(len(public_dataset("x", classes="coco-stuff164k", background=False, items=(), indices={}).classes), 171)
            < UNKNOWN
        )


class TestSize:
    item = AnnotatedPhoto("a", Path("a.jpg"), Path("a.png"))

    def test_the_same(self) -> None:
        check_size(self.item, np.zeros((2, 3), np.uint8), (3, 2))

    @pytest.mark.parametrize("size", [(2, 3), (3, 3), (30, 20)])
    def test_another_one_is_told_with_both(self, size: tuple[int, int]) -> None:
        with pytest.raises(DataError) as caught:
            check_size(self.item, np.zeros((2, 3), np.uint8), size)
        message = one_line(caught.value)
        assert "a.png is 3 x 2" in message
        assert f"a.jpg is {size[0]} x {size[1]}" in message


def test_an_unknown_dataset_lists_the_options(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset("voc", tmp_path)
    assert all(name in one_line(caught.value) for name in DATASETS)
