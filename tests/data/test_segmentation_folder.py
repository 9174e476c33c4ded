"""Folders of photos with masks: the layouts that are read, and the one line for each that is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.data.segmentation import VocFolder
from freeseg.drawing import palette
from freeseg.errors import DataError

MASK = np.array([[0, 1, 20], [255, 15, 0]], np.uint8)


def voc_tree(root: Path, names: tuple[str, ...] = ("b", "a")) -> Path:
    """A drawn VOC folder, without a list."""
    for folder in ("JPEGImages", "SegmentationClass"):
        (root / folder).mkdir(parents=True)
    for name in names:
        Image.new("RGB", (3, 2), "red").save(root / "JPEGImages" / f"{name}.jpg")
        mask = Image.fromarray(MASK)
        mask.putpalette(palette(256).tobytes())
        mask.save(root / "SegmentationClass" / f"{name}.png")
    return root


def refused(root: Path) -> str:
    """The message with which a folder is refused: one line."""
    with pytest.raises(DataError) as caught:
        VocFolder(root)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def unreadable(root: Path) -> str:
    """The message with which the mask of the only photo is refused: one line that names it."""
    (item,) = VocFolder(root)
    with pytest.raises(DataError) as caught:
        item.truth()
    assert len(str(caught.value).splitlines()) == 1
    assert str(item.mask) in str(caught.value)
    return str(caught.value)


class TestLayouts:
    @pytest.mark.parametrize("place", ["val.txt", "ImageSets/Segmentation/val.txt"])
    def test_a_list_says_which_and_in_what_order(self, tmp_path: Path, place: str) -> None:
        root = voc_tree(tmp_path, ("c", "b", "a"))
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("c\na\n\n")
        dataset = VocFolder(root)
        assert len(dataset) == 2
        assert [item.name for item in dataset] == ["c", "a"]
        assert [item.photo for item in dataset] == [root / "JPEGImages" / "c.jpg", root / "JPEGImages" / "a.jpg"]
        assert [item.mask.name for item in dataset] == ["c.png", "a.png"]

    def test_the_list_at_the_top_comes_first(self, tmp_path: Path) -> None:
        root = voc_tree(tmp_path)
        (root / "ImageSets/Segmentation").mkdir(parents=True)
        (root / "ImageSets/Segmentation/val.txt").write_text("a\n")
        (root / "val.txt").write_text("b\n")
        assert [item.name for item in VocFolder(root)] == ["b"]

    def test_without_a_list_every_mask_counts(self, tmp_path: Path) -> None:
        root = voc_tree(tmp_path)
        Image.new("RGB", (3, 2)).save(root / "JPEGImages" / "without_a_mask.jpg")
        assert [item.name for item in VocFolder(root)] == ["a", "b"]


class TestErrors:
    def test_no_such_folder(self, tmp_path: Path) -> None:
        assert "no such folder" in refused(tmp_path / "nowhere")

    def test_another_layout_is_told_what_it_holds(self, tmp_path: Path) -> None:
        (tmp_path / "images").mkdir()
        message = refused(tmp_path)
        assert str(tmp_path / "JPEGImages") in message
        assert "holds: images" in message

    def test_photos_without_a_folder_of_masks(self, tmp_path: Path) -> None:
        (tmp_path / "JPEGImages").mkdir()
        assert str(tmp_path / "SegmentationClass") in refused(tmp_path)

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        assert "holds: nothing" in refused(tmp_path)

    @pytest.mark.parametrize("text", [None, "", "\n\n"])
    def test_no_photos_listed(self, tmp_path: Path, text: str | None) -> None:
        root = voc_tree(tmp_path, () if text is None else ("a",))
        if text is not None:
            (root / "val.txt").write_text(text)
        assert "lists no photos" in refused(root)

    @pytest.mark.parametrize("missing", ["JPEGImages/a.jpg", "SegmentationClass/a.png"])
    def test_a_missing_file_is_named_and_the_others_counted(self, tmp_path: Path, missing: str) -> None:
        root = voc_tree(tmp_path, ("a", "b"))
        (root / "val.txt").write_text("b a")
        (root / missing).unlink()
        assert f"{root / missing} is missing, and 0 more" in refused(root)
        (root / "val.txt").write_text("b a c")  # c has neither photo nor mask
        assert f"{root / missing} is missing, and 2 more" in refused(root)

    def test_a_list_that_is_no_text(self, tmp_path: Path) -> None:
        root = voc_tree(tmp_path)
        (root / "val.txt").write_bytes(b"\xff\xfe\x00a")
        assert str(root / "val.txt") in refused(root)

    def test_a_list_that_cannot_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = voc_tree(tmp_path)
        (root / "val.txt").write_text("a")

        def refuse(*args: object, **options: object) -> str:  # as root every file can be read
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_text", refuse)
        assert "Permission denied" in refused(root)


class TestTruth:
    def test_indices_and_not_colours(self, tmp_path: Path) -> None:
        (item,) = VocFolder(voc_tree(tmp_path, ("a",)))
        truth = item.truth()
        assert truth.dtype == np.uint8
        assert np.array_equal(truth, MASK)
        truth[0, 0] = 7  # it is the caller's own
        assert np.array_equal(item.truth(), MASK)

    def test_a_grey_png_holds_indices_too(self, tmp_path: Path) -> None:
        root = voc_tree(tmp_path, ("a",))
        Image.fromarray(MASK).save(root / "SegmentationClass" / "a.png")
        assert np.array_equal(next(iter(VocFolder(root))).truth(), MASK)

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "1", "LA"])
    def test_colours_are_no_indices(self, tmp_path: Path, mode: str) -> None:
        root = voc_tree(tmp_path, ("a",))
        Image.new(mode, (3, 2)).save(root / "SegmentationClass" / "a.png")
        assert f"is {mode}; a mask must be an indexed or grey PNG" in unreadable(root)

    @pytest.mark.parametrize("cut", [0, 7, 20, 40, 800])
    def test_damaged_masks(self, tmp_path: Path, cut: int) -> None:
        root = voc_tree(tmp_path, ("a",))
        file = root / "SegmentationClass" / "a.png"
        file.write_bytes(file.read_bytes()[:cut])
        assert "cannot be read" in unreadable(root)

    def test_a_flipped_byte(self, tmp_path: Path) -> None:
        root = voc_tree(tmp_path, ("a",))
        file = root / "SegmentationClass" / "a.png"
        whole = bytearray(file.read_bytes())
        whole[20] ^= 255  # in the header, so its checksum is wrong
        file.write_bytes(whole)
        assert "cannot be read" in unreadable(root)
