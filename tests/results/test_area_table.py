"""The table of a run: a row for each label of each photo, which a program for tables reads back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import OutputError
from freeseg.results.area_table import COLUMNS, area_rows, check_table, write_table
from freeseg.results.segmentation import Segmentation


def result(name: str) -> Segmentation:
    mask = np.array([[0, 1, 1], [0, 1, 255]], np.uint8)
    confidence = np.array([[0.5, 0.8, 0.6], [0.5, 1, 0]], np.float32)
    labels = ("background", "cat, or dog", "bird")
    return Segmentation(mask, confidence, labels, Image.new("RGB", (3, 2)), name, presence={"cat, or dog": 0.75})


def test_rows_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    write_table(path, [*area_rows(result('a "quoted", name.jpg')), *area_rows(result("猫.jpg"))])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["photo"], row["label"]) for row in rows] == [
        ('a "quoted", name.jpg', "cat, or dog"),
        ('a "quoted", name.jpg', "background"),
        ("猫.jpg", "cat, or dog"),
        ("猫.jpg", "background"),
    ]
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0] | {"photo": ""} == {
        "photo": "",
        "width": "3",
        "height": "2",
        "label": "cat, or dog",
        "share": "0.5",
        "pixels": "3",
        "confidence": "0.8",
        "presence": "0.75",
    }
    assert rows[1]["presence"] == ""


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\xff\xfe\x00", b'"'])
def test_another_file_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"mine\.csv is there, and is no table of FreeSeg; name another, or --overwr"):
        check_table(path, overwrite=False)
    check_table(path, overwrite=True)


def test_its_own_table_and_none_may_be_written(tmp_path: Path) -> None:
    check_table(tmp_path / "new.csv", overwrite=False)
    write_table(tmp_path / "new.csv", [])
    check_table(tmp_path / "new.csv", overwrite=False)
