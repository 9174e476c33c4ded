"""Files of masks: which are read as indices, and which are refused because they would be read wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from freeseg.data.segmentation.values import read_mat, read_png
from freeseg.errors import DataError
from trees import Tree, one_line

MASK = [[0, 1, 20], [255, 15, 0]]


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        (read_mat if path.suffix == ".mat" else read_png)(path)
    assert str(path) in str(caught.value)
    return one_line(caught.value)


class TestPng:
    @pytest.mark.parametrize("colours", [False, True])
    def test_indices_and_not_colours(self, tmp_path: Path, colours: bool) -> None:
        values = read_png(Tree(tmp_path).mask("a.png", MASK, colours))
        assert values.dtype == np.uint8
        assert values.tolist() == MASK

    def test_a_palette_of_few_colours_is_packed(self, tmp_path: Path) -> None:
        small = Image.fromarray(np.array([[0, 1, 2, 3, 1]], np.uint8))
        small.putpalette([0, 0, 0, 9, 9, 9, 80, 0, 0, 0, 80, 0])
        small.save(tmp_path / "a.png", bits=2)
        assert read_png(tmp_path / "a.png").tolist() == [[0, 1, 2, 3, 1]]

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("most", [2, 4])  # pixels: Pillow refuses what has twice as many, and warns of others
    def test_beyond_the_limit_of_pillow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        path = Tree(tmp_path).mask("a.png", MASK)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        assert read_png(path).tolist() == MASK

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "1", "LA"])
    def test_other_modes(self, tmp_path: Path, mode: str) -> None:
        Image.new(mode, (3, 2)).save(tmp_path / "a.png")
        assert f"is PNG {mode}; a mask must be an indexed or 8-bit grey PNG" in refused(tmp_path / "a.png")

    @pytest.mark.parametrize("kind", ["JPEG", "GIF", "BMP"])
    def test_another_format_under_the_name(self, tmp_path: Path, kind: str) -> None:
        Image.fromarray(np.array(MASK, np.uint8)).save(tmp_path / "a.png", kind)
        assert f"is {kind}" in refused(tmp_path / "a.png")

    @pytest.mark.parametrize("cut", [0, 7, 20, 40, 800])
    def test_damaged_ones(self, tmp_path: Path, cut: int) -> None:
        file = Tree(tmp_path).mask("a.png", MASK, colours=True)
        file.write_bytes(file.read_bytes()[:cut])
        assert "cannot be read" in refused(file)

    @pytest.mark.parametrize("place", [20, 44, -20])
    def test_a_flipped_byte(self, tmp_path: Path, place: int) -> None:
        file = Tree(tmp_path).mask("a.png", MASK)
        whole = bytearray(file.read_bytes())
        whole[place] ^= 255  # in a header or in the pixels: a checksum is wrong
        file.write_bytes(whole)
        assert "cannot be read" in refused(file)

    def test_no_file(self, tmp_path: Path) -> None:
        assert "cannot be read" in refused(tmp_path / "a.png")


class TestMat:
    def test_numbers_beyond_255(self, tmp_path: Path) -> None:
        values = read_mat(Tree(tmp_path).mat("a.mat", [[0, 459, 256]], other=[1, 2]))
        assert values.tolist() == [[0, 459, 256]]
        assert values.dtype == np.uint16

    @pytest.mark.parametrize("wrong", [np.ones((2, 2)), -np.ones((2, 2), int), np.ones((2, 2, 3), np.uint8)])
    def test_what_is_no_map_of_numbers(self, tmp_path: Path, wrong: np.ndarray) -> None:
        savemat(tmp_path / "a.mat", {"LabelMap": wrong})
        assert "it must be (height, width) of indices" in refused(tmp_path / "a.mat")

    def test_another_variable(self, tmp_path: Path) -> None:
        savemat(tmp_path / "a.mat", {"GTcls": np.zeros((2, 2), np.uint8)})
        assert "KeyError('LabelMap')" in refused(tmp_path / "a.mat")

    @pytest.mark.parametrize("cut", [0, 3, 100, 130, 150])
    def test_damaged_ones(self, tmp_path: Path, cut: int) -> None:
        file = Tree(tmp_path).mat("a.mat", MASK)
        file.write_bytes(file.read_bytes()[:cut])
        assert "cannot be read" in refused(file)
