"""The table of formats: each is written by its name, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import OutputError
from freeseg.results import writers
from freeseg.results.formats import ENDINGS
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
    assert {name: tuple(encode(result, "a.jpg")) for name, encode in ENCODERS.items()} == {
        name: (ending,) for name, ending in ENDINGS.items()
    }


def test_files_come_in_the_order_of_the_formats(result: Segmentation, tmp_path: Path) -> None:
    names = [path.name for path in result.save(tmp_path, formats=["json", "mask"])]
    assert names == ["a.json", "a.mask.png"]
    assert [path.name for path in result.save(tmp_path)] == ["a.overlay.jpg", "a.mask.png", "a.json"]


def test_coco_is_the_dataset_of_the_photo(result: Segmentation, tmp_path: Path) -> None:
    [path] = result.save(tmp_path, formats=["coco"])
    assert json.loads(path.read_text("utf-8")) == result.to_coco()


def test_an_unknown_format_lists_the_known_ones_and_writes_nothing(result: Segmentation, tmp_path: Path) -> None:
    with pytest.raises(
        OutputError, match="no format is called 'bmp'; there are: overlay, mask, json, coco, cutout, labelme"
    ):
        result.save(tmp_path / "out", formats=["mask", "bmp"])
    assert not (tmp_path / "out").exists()


def test_a_new_format_is_one_function_and_one_line(
    result: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode_areas(result: Segmentation, mark: str) -> dict[str, bytes]:
        return {".areas.txt": str(result.areas()).encode()}

    monkeypatch.setitem(writers.ENCODERS, "areas", encode_areas)
    [path] = result.save(tmp_path, formats="areas")
    assert path.read_text() == str(result.areas())
