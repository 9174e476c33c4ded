"""The table of a run: a row for each label of each photo, which a program for tables reads back."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import FreeSegError, OutputError
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


class TestParquet:
    def test_rows_are_read_back_with_their_types(self, tmp_path: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "found.parquet"
        write_table(path, [*area_rows(result("a.jpg")), *area_rows(result("猫.jpg"))])
        rows = parquet.read_table(path).to_pylist()
        assert [(row["photo"], row["label"]) for row in rows] == [
            ("a.jpg", "cat, or dog"),
            ("a.jpg", "background"),
            ("猫.jpg", "cat, or dog"),
            ("猫.jpg", "background"),
        ]
        numbers = {"width": 3, "height": 2, "share": 0.5, "pixels": 3, "confidence": 0.8, "presence": 0.75}
        assert rows[0] == {"photo": "a.jpg", "label": "cat, or dog"} | numbers
        assert rows[1]["presence"] is None
        assert list(rows[0]) == list(COLUMNS)

    def test_its_own_table_may_be_written_anew_and_no_other(self, tmp_path: Path) -> None:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "found.parquet"
        check_table(path, overwrite=False)
        write_table(path, [])
        check_table(path, overwrite=False)
        parquet.write_table(pyarrow.table({"mine": [1]}), path)
        for _ in range(2):
            with pytest.raises(OutputError, match=r"found\.parquet is there, and is no table of FreeSeg"):
                check_table(path, overwrite=False)
            path.write_bytes(b"no Parquet")

    def test_who_lacks_pyarrow_is_told_how_to_get_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(FreeSegError, match=r'found\.parquet needs pyarrow; run: pip install "freeseg\[parquet\]"$'):
            check_table(tmp_path / "found.parquet", overwrite=False)
