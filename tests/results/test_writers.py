"""The table of formats: each is written by its name, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.io import imread

from freeseg.errors import OutputError
from freeseg.mask_values import labels_by_value
from freeseg.results import writers
from freeseg.results.endings import endings_of
from freeseg.results.formats import ENDINGS, LABEL
from freeseg.results.marks import read_mark
from freeseg.results.objects import Objects
from freeseg.results.segmentation import Segmentation
from freeseg.results.writers import ENCODERS


@pytest.fixture
def result() -> Segmentation:
    mask = np.array([[0, 1, 1], [0, 0, 255]], np.uint8)
    return Segmentation(mask, np.ones((2, 3), np.float32), ("background", "cat"), Image.new("RGB", (3, 2)), "a.jpg")


@pytest.mark.parametrize("format", ENCODERS)
def test_every_format_is_written_under_the_stem(result: Segmentation, format: str, tmp_path: Path) -> None:
    paths = result.save(tmp_path, "sub/b", formats=format)
    assert paths
    assert all(path.parent == tmp_path / "sub" and path.name.startswith("b.") for path in paths)
    assert sorted(paths) == sorted((tmp_path / "sub").iterdir())


def test_the_endings_of_all_formats_are_known(result: Segmentation) -> None:
    assert list(ENDINGS) == list(ENCODERS)
    assert {name: tuple(encode(result, "a.jpg", Objects())) for name, encode in ENCODERS.items()} == {
        name: (ending.replace(LABEL, "cat"),) for name, ending in ENDINGS.items()
    }
    assert set(endings_of(ENDINGS, result.labels)) >= {ending.replace(LABEL, "cat") for ending in ENDINGS.values()}


def test_files_come_in_the_order_of_the_formats(result: Segmentation, tmp_path: Path) -> None:
    names = [path.name for path in result.save(tmp_path, formats=["json", "mask"])]
    assert names == ["a.json", "a.mask.png"]
    assert [path.name for path in result.save(tmp_path)] == ["a.overlay.jpg", "a.mask.png", "a.json"]


def test_coco_is_the_dataset_of_the_photo(result: Segmentation, tmp_path: Path) -> None:
    [path] = result.save(tmp_path, formats=["coco"])
    assert json.loads(path.read_text("utf-8")) == result.to_coco()


@pytest.mark.parametrize(("labels", "mode"), [(2, "L"), (300, "I;16")])
def test_grey_holds_the_labels_as_values(result: Segmentation, labels: int, mode: str, tmp_path: Path) -> None:
    names = labels_by_value([f"label {number}" for number in range(1, labels)], background=True)
    mask = np.array([[0, 1, labels - 1], [0, 0, 255]], np.uint8 if labels < 256 else np.uint16)
    [path] = replace(result, mask=mask, labels=names).save(tmp_path, formats="grey")
    with Image.open(path) as picture:
        assert picture.mode == mode
        assert np.array_equal(np.asarray(picture), mask)
    assert np.array_equal(imread(path), mask)  # without a palette, every reader gives the values


def test_an_unknown_format_lists_the_known_ones_and_writes_nothing(result: Segmentation, tmp_path: Path) -> None:
    with pytest.raises(
        OutputError,
        match="no format is called 'bmp'; there are: overlay, mask, json, grey, coco, cutout, lab",
    ):
        result.save(tmp_path / "out", formats=["mask", "bmp"])
    assert not (tmp_path / "out").exists()


def test_a_new_format_is_one_function_and_one_line(
    result: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode_areas(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
        return {".areas.txt": str(result.areas()).encode()}

    monkeypatch.setitem(writers.ENCODERS, "areas", encode_areas)
    [path] = result.save(tmp_path, formats="areas")
    assert path.read_text() == str(result.areas())


@pytest.mark.parametrize("format", ENCODERS)
def test_every_file_is_known_as_freesegs_own(result: Segmentation, format: str, tmp_path: Path) -> None:
    for path in result.save(tmp_path, "b", formats=format):
        assert read_mark(path) is not None


class TestLabels:
    """Formats with a file for each label."""

    LABELS = ("background", "hot dog", "hot-dog", "../猫", "mask")

    def of(self, *values: int, **options: str) -> Segmentation:
        mask = np.array([values], np.uint8)
        photo = Image.new("RGB", (len(values), 1), "red")
        return Segmentation(mask, np.ones(mask.shape, np.float32), self.LABELS, photo, "a.jpg", **options)

    def test_a_mask_is_white_where_the_label_is(self, tmp_path: Path) -> None:
        paths = self.of(0, 1, 1, 3, 255).save(tmp_path, formats=["mask", "masks"])
        names = ["a.mask.png", "a.mask-hot-dog-1.png", "a.mask-猫.png"]
        assert [path.name for path in paths] == names
        for path, white in zip(paths[1:], ([1, 2], [3]), strict=True):
            with Image.open(path) as picture:
                assert picture.mode == "L"
                assert np.asarray(picture).tolist() == [[255 if place in white else 0 for place in range(5)]]

    def test_a_cutout_shows_the_label_alone(self, tmp_path: Path) -> None:
        [path] = self.of(0, 4, 4).save(tmp_path, formats="cutouts")
        assert path.name == "a.cutout-mask.png"
        with Image.open(path) as picture:
            assert np.asarray(picture).tolist() == [[[0, 0, 0, 0], [255, 0, 0, 255], [255, 0, 0, 255]]]

    def test_what_is_not_found_any_more_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "a.mask-dog.png").write_bytes(b"of no label")
        self.of(1, 2).save(tmp_path, formats="masks")
        self.of(2, 4).save(tmp_path, formats="masks")
        assert {path.name for path in tmp_path.iterdir()} == {
            "a.mask-hot-dog-2.png",
            "a.mask-mask.png",
            "a.mask-dog.png",
        }

    def test_what_freeseg_did_not_write_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "a.mask-hot-dog-1.png").write_bytes(b"mine")
        with pytest.raises(OutputError, match=r"a\.mask-hot-dog-1\.png is there already, and FreeSeg did not write it"):
            self.of(2, 4).save(tmp_path, formats="masks")
        self.of(2, 4).save(tmp_path, formats="masks", overwrite=True)
        assert (tmp_path / "a.mask-hot-dog-1.png").read_bytes() == b"mine"  # nothing is written in its place

    def test_another_photos_masks_are_kept(self, tmp_path: Path) -> None:
        [first] = self.of(1, source="one/a.jpg").save(tmp_path, formats="masks")
        [second] = self.of(1, source="two/a.jpg").save(tmp_path, formats="masks")
        assert (first.name, second.name) == ("a.mask-hot-dog-1.png", "a.jpg.mask-hot-dog-1.png")

    def test_the_longest_name_of_a_label_has_room(self, tmp_path: Path) -> None:
        labels = ("background", "猫" * 50, "猫" * 51)
        mask, confidence = np.array([[1, 2]], np.uint8), np.ones((1, 2), np.float32)
        result = Segmentation(mask, confidence, labels, Image.new("RGB", (2, 1)), "犬" * 300 + ".jpg")
        assert len({path.name for path in result.save(tmp_path, formats=["masks", "cutouts"])}) == 4


class TestNpz:
    def test_the_arrays_are_read_back_without_pickle(self, result: Segmentation, tmp_path: Path) -> None:
        for _ in range(2):
            [path] = result.save(tmp_path, formats="npz")
        with np.load(path, allow_pickle=False) as arrays:
            assert np.array_equal(arrays["mask"], result.mask)
            assert arrays["mask"].dtype == result.mask.dtype
            assert np.array_equal(arrays["confidence"], result.confidence)
            assert tuple(arrays["labels"].tolist()) == result.labels

    @pytest.mark.parametrize("content", [{"mask": np.ones(3)}, {"software": np.array("FreeSeg" * 9_000)}])
    def test_another_programs_arrays_are_kept(
        self, result: Segmentation, tmp_path: Path, content: dict[str, np.ndarray]
    ) -> None:
        np.savez(tmp_path / "a.npz", **content)
        for _ in range(2):
            with pytest.raises(OutputError, match=r"a\.npz is there already, and FreeSeg did not write it"):
                result.save(tmp_path, formats="npz")
            (tmp_path / "a.npz").write_bytes(b"no zip")
