"""Folders of photos and masks, drawn by the tests that read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.errors import DataError
from freeseg.results.drawing import palette

Rows = Sequence[Sequence[int]] | np.ndarray


class Tree:
    """A folder to draw in; every path is below it, and the folders of a path are made."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, path: str) -> Path:
        whole = self.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        return whole

    def photo(self, path: str, size: tuple[int, int] = (3, 2)) -> Path:
        """A red photo, (width, height)."""
        Image.new("RGB", size, "red").save(self(path))
        return self(path)

    def mask(self, path: str, rows: Rows, colours: bool = False) -> Path:
        """A grey PNG of indices, or an indexed one with VOC's colours."""
        drawn = Image.fromarray(np.array(rows, np.uint8))
        if colours:
            drawn.putpalette(palette(256).tobytes())
        drawn.save(self(path))
        return self(path)

    def mat(self, path: str, rows: Rows, **more: Any) -> Path:
        """A MATLAB file as PASCAL Context's."""
        savemat(self(path), {"LabelMap": np.array(rows, np.uint16), **more})
        return self(path)

    def text(self, path: str, *lines: str) -> Path:
        self(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return self(path)

    def json(self, path: str, value: Any) -> Path:
        self(path).write_text(json.dumps(value), encoding="utf-8")
        return self(path)

    def open(self, name: str) -> SegmentationData:
        return open_dataset(name, self.root)

    def refused(self, name: str) -> str:
        """The message with which the dataset is refused: one line."""
        with pytest.raises(DataError) as caught:
            self.open(name)
        return one_line(caught.value)


def truth(data: SegmentationData, index: int = 0) -> list[list[int]]:
    """The class indices of one photo, after checking their type."""
    found = data.truth(data.items[index])
    assert found.dtype == np.uint8
    return found.tolist()


def untrue(data: SegmentationData, index: int = 0) -> str:
    """The message with which a mask is refused: one line that names its file."""
    with pytest.raises(DataError) as caught:
        data.truth(data.items[index])
    assert str(data.items[index].mask) in str(caught.value)
    return one_line(caught.value)


def one_line(error: Exception) -> str:
    assert len(str(error).splitlines()) == 1
    return str(error)
