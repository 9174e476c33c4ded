"""`freeseg segment` again: what is done with the same words and settings is not done once more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from commands import Run, results_of, written

pytestmark = pytest.mark.usefixtures("on_tiny")


@pytest.fixture
def photos(photo: Path, tmp_path: Path) -> Path:
    """A folder of two photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.open(photo).save(folder / name)
    return folder


def said(run: Run, photos: Path, *options: object, labels: str = "cat, dog") -> dict[str, bool]:
    """Whether each photo was done before, by its stem, as the lines for programs say it."""
    done = run("segment", photos, "-l", labels, "-o", photos.parent / "out", "--save", "json", "--json-lines", *options)
    assert (done.code, done.err) == (0, "")
    return {line["stem"]: line.get("done_before", False) for line in map(json.loads, done.out.splitlines())}


def test_only_what_is_missing_is_done(run: Run, photos: Path, tmp_path: Path) -> None:
    assert said(run, photos) == {"a": False, "b": False}
    assert said(run, photos) == {"a": True, "b": True}
    (tmp_path / "out" / "b.json").unlink()
    Image.open(photos / "a.png").save(photos / "c.png")
    assert said(run, photos) == {"a": True, "b": False, "c": False}
    assert said(run, photos, "--overwrite") == {"a": False, "b": False, "c": False}


def test_other_words_or_settings(run: Run, photos: Path) -> None:
    said(run, photos)
    assert said(run, photos, labels="cat|kitten, dog") == {"a": False, "b": False}
    assert said(run, photos, "--no-background", labels="cat|kitten, dog") == {"a": False, "b": False}
    assert said(run, photos, "--short-side", "64") == {"a": False, "b": False}
    assert said(run, photos, "--short-side", "64") == {"a": True, "b": True}


def test_files_about_all_photos_need_all_results(run: Run, photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "found.csv"
    said(run, photos)
    assert said(run, photos, "--table", table) == {"a": False, "b": False}
    assert {line.split(",")[0] for line in table.read_text().splitlines()[1:]} == {
        str(photos / name) for name in ("a.png", "b.png")
    }


def test_people_are_told(run: Run, photos: Path, tmp_path: Path) -> None:
    asked = ["segment", photos, "-l", "cat, dog", "-o", tmp_path / "out"]
    run(*asked)
    done = run(*asked)
    assert "0 of 2 photos segmented, 2 done before (--overwrite does all again)" in " ".join(done.out.split())
    assert written(tmp_path / "out") == results_of("a", "b")  # what is done is noted elsewhere


def test_without_a_cache_all_is_done_again(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_CACHE", "off")
    for _ in range(2):
        assert said(run, photos) == {"a": False, "b": False}
