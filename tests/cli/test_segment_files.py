"""`freeseg segment`: files about all photos of a run, and how objects are written."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from commands import Run, one_line, written
from freeseg.results import saving

pytestmark = pytest.mark.usefixtures("on_tiny")


@pytest.fixture
def images(photo: Path, tmp_path: Path) -> Path:
    """A folder of two photos, one in a folder of its own."""
    folder = tmp_path / "set" / "images"
    (folder / "b").mkdir(parents=True)
    for place in ("a.png", "b/c.png"):
        Image.open(photo).save(folder / place)
    return folder


def test_yolo_beside_the_photos(run: Run, images: Path) -> None:
    labels = images.with_name("labels")
    for _ in range(2):
        done = run(
            "segment", images, "-l", "cat, dog", "-o", labels, "--save", "yolo", "--no-background", "--min-area", 0
        )
        assert (done.code, done.err) == (0, "")
        assert "YOLO labels in" in done.out
    assert written(labels) == ["a.txt", "b/c.txt", "data.yaml"]
    classes = yaml.safe_load((labels / "data.yaml").read_text("utf-8"))
    assert classes["names"] == {0: "cat", 1: "dog"}
    assert [(labels / folder).resolve() for folder in classes["train"]] == [images.resolve()]
    assert {line.split()[0] for line in (labels / "a.txt").read_text().splitlines()} <= {"0", "1"}


def test_one_file_for_all_photos(run: Run, images: Path, tmp_path: Path) -> None:
    files = ["--coco", tmp_path / "all.json", "--cvat", tmp_path / "all.zip", "--table", tmp_path / "all.csv"]
    asked = ["segment", images, "-l", "cat, dog", "-o", tmp_path / "out", "--save", "mask", "--no-background", *files]
    objects = ["--instances", "--polygons", "--min-area", "1"]
    for options in ([], objects):
        done = run(*asked, *options)
        assert (done.code, done.err) == (0, "")
        dataset = json.loads((tmp_path / "all.json").read_text("utf-8"))
        assert [image["file_name"] for image in dataset["images"]] == [
            str(images / "a.png"),
            str(images / "b" / "c.png"),
        ]
        assert [each["name"] for each in dataset["categories"]] == ["cat", "dog"]
        assert {type(each["segmentation"]) for each in dataset["annotations"]} == {list if options else dict}
        assert sum(each["area"] for each in dataset["annotations"]) == 2 * 30 * 44
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            assert archive.read("ImageSets/Segmentation/default.txt") == b"a\nb/c\n"
        assert (tmp_path / "all.csv").is_file()
    for name in ("all.json", "all.zip"):
        (tmp_path / name).write_text("mine")
        assert f"{name} is there, and is no" in one_line(run(*asked))
        (tmp_path / name).unlink()


def test_they_are_written_when_a_run_is_stopped(
    run: Run, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(outcomes: Iterator[saving.NamedOutcome], folder: Path, **_: object) -> Iterator[saving.NamedOutcome]:
        yield next(outcomes)
        raise KeyboardInterrupt

    monkeypatch.setattr(saving, "save_in_background", stopped)
    done = run(
        *("segment", images, "-l", "cat", "-o", tmp_path / "out", "--save", "yolo", "--coco", tmp_path / "all.json"),
        *("--cvat", tmp_path / "all.zip"),
    )
    assert done.code != 0
    assert len(json.loads((tmp_path / "all.json").read_text("utf-8"))["images"]) == 1
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("ImageSets/Segmentation/default.txt") == b"a\n"
    assert yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))["names"] == {0: "cat"}


def test_a_file_for_each_label(run: Run, images: Path, tmp_path: Path) -> None:
    done = run(
        "segment",
        images / "a.png",
        "-l",
        "hot dog",
        "-o",
        tmp_path / "out",
        "--save",
        "masks,cutouts,npz",
        "--no-background",
    )
    assert (done.code, done.err) == (0, "")
    assert written(tmp_path / "out") == ["a.cutout-hot-dog.png", "a.mask-hot-dog.png", "a.npz"]
    with Image.open(tmp_path / "out" / "a.mask-hot-dog.png") as mask:
        assert (np.asarray(mask) == 255).all()
    again = run("segment", tmp_path / "out", "-l", "cat", "-o", tmp_path / "new")
    assert "2 pictures were skipped: FreeSeg's own results" in again.err


@pytest.mark.parametrize("least", ["-1", "nan"])
def test_an_area_that_there_is_not(run: Run, images: Path, tmp_path: Path, least: str) -> None:
    done = run("segment", images, "-l", "cat", "-o", tmp_path / "out", "--min-area", least)
    assert "min_area is" in one_line(done) or "--min-area" in one_line(done)
    assert not (tmp_path / "out").exists()


def test_a_table_in_parquet_needs_its_package_before_any_photo_is_read(
    run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo.write_bytes(b"no photo")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = tmp_path / "found.parquet"
    done = run("segment", photo, "-l", "cat", "-o", tmp_path / "out", "--table", table)
    assert one_line(done) == f'freeseg: {table} needs pyarrow; run: pip install "freeseg[parquet]"'
    assert not (tmp_path / "out").exists()


def test_a_table_in_parquet(run: Run, images: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = tmp_path / "found.parquet"
    done = run("segment", images, "-l", "cat", "-o", tmp_path / "out", "--no-background", "--table", table)
    assert (done.code, done.err) == (0, "")
    found = parquet.read_table(table).to_pylist()
    assert {row["label"] for row in found} == {"cat"}
    assert all(row["pixels"] == row["width"] * row["height"] for row in found)


@pytest.mark.parametrize("option", ["--coco", "--cvat", "--table"])
def test_a_photo_is_never_written_over(run: Run, photo: Path, tmp_path: Path, option: str) -> None:
    before = photo.read_bytes()
    done = run("segment", photo, "-l", "cat", "-o", tmp_path / "out", option, photo, "--overwrite")
    assert one_line(done) == f"freeseg: {photo} is one of the photos; name another file"
    assert photo.read_bytes() == before
