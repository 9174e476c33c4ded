"""Where the commands write, what they leave alone, and what one result that cannot be written costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from commands import Run, one_line, results_of, written
from freeseg.results.marks import read_mark

COLOURS = {"a": "red", "b": "blue"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw(*names: str) -> None:
    for number, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), (40 * number, 90, 200)).save(name)


def sources(out: str) -> dict[str, str]:
    """The photo that each summary is of."""
    return {path.stem: json.loads(path.read_text("utf-8"))["source"] for path in Path(out).rglob("*.json")}


def test_photos_of_one_name_are_told_apart(run: Run) -> None:
    draw("cam1/0001.jpg", "cam2/0001.jpg")
    assert run("segment", "cam1/0001.jpg", "cam2/0001.jpg", "-l", "cat", "-o", "o").code == 0
    assert sources("o") == {"0001": "cam1/0001.jpg", "0001.jpg": "cam2/0001.jpg"}
    assert written(Path("o")) == results_of("0001", "0001.jpg")


def test_runs_of_one_photo_each_leave_nothing_stale(run: Run) -> None:
    draw("d/y.png", "d/y.jpg")
    for given in (["d/y.png"], ["d/y.jpg"], ["d"], ["d/y.jpg", "d/y.png"]):
        assert run("segment", *given, "-l", "cat", "-o", "o").code == 0
    assert sources("o") == {"y": "d/y.png", "y.jpg": "d/y.jpg"}
    assert written(Path("o")) == results_of("y", "y.jpg")


def test_a_file_of_somebody_else_costs_its_photo_only(run: Run) -> None:
    draw("a.jpg", "b.jpg")
    Path("a.json").write_text("mine")
    done = run("segment", "a.jpg", "b.jpg", "-l", "cat", "-o", ".")
    line = one_line(done)
    assert "a.json is there already, and FreeSeg did not write it" in line
    assert "1 of 2 photos segmented" in done.out
    assert Path("a.json").read_text() == "mine"
    assert written(Path()) == sorted(["a.jpg", "b.jpg", "a.json", *results_of("b")])
    assert run("segment", "a.jpg", "b.jpg", "-l", "cat", "-o", ".", "--overwrite").code == 0
    assert sources(".") == {"a": "a.jpg", "b": "b.jpg"}


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_no_photo_of_the_run_is_overwritten(run: Run, overwrite: list[str]) -> None:
    draw("a.jpg", "a.overlay.jpg")
    before = Path("a.overlay.jpg").read_bytes()
    done = run("segment", "a.jpg", "a.overlay.jpg", "-l", "cat", "-o", ".", *overwrite)
    assert "would replace the photo a.overlay.jpg" in one_line(done)
    assert Path("a.overlay.jpg").read_bytes() == before
    assert written(Path()) == sorted(["a.jpg", "a.overlay.jpg", *results_of("a.overlay")])


@pytest.mark.parametrize("name", ["l" * 250 + ".jpg", "猫" * 82 + ".jpg"], ids=["latin", "japanese"])
def test_a_long_name_is_done_like_the_others(run: Run, name: str) -> None:
    draw("photos/a.jpg", "photos/z.jpg", f"photos/{name}")
    assert run("segment", "photos", "-l", "cat", "-o", "o").code == 0
    assert len(written(Path("o"))) == 9
    assert sorted(sources("o").values()) == sorted(f"photos/{each}" for each in ("a.jpg", "z.jpg", name))


def test_what_cannot_be_written_is_told_at_the_end(run: Run) -> None:
    draw("photos/a.jpg", "photos/b.jpg", "photos/sub/c.jpg", "photos/z.jpg")
    Path("o/b.mask.png").mkdir(parents=True)
    Path("o/sub").write_text("a file where a folder must go")
    done = run("segment", "photos", "-l", "cat", "-o", "o")
    assert done.code == 1
    assert "2 of 4 photos segmented" in done.out
    first, second = done.err.splitlines()
    assert "b.mask.png" in first
    assert "cannot write to o/sub" in second
    assert written(Path("o")) == sorted(["sub", *results_of("a", "z")])


def test_heatmaps(run: Run) -> None:
    draw("d1/x.jpg", "d2/x.jpg", "mine.jpg", "x.heatmap.jpg")
    for photo in ("d1/x.jpg", "d2/x.jpg", "d1/x.jpg"):
        assert run("heatmap", photo, "-l", "cat", "-o", "o").code == 0
    assert written(Path("o")) == ["x.heatmap.jpg", "x.jpg.heatmap.jpg"]
    mark = read_mark(Path("o/x.jpg.heatmap.jpg"))
    assert mark
    assert mark.photo == "../d2/x.jpg"
    before = Path("x.heatmap.jpg").read_bytes()
    assert "FreeSeg did not write it" in one_line(run("heatmap", "d1/x.jpg", "-l", "cat", "-o", "."))
    assert Path("x.heatmap.jpg").read_bytes() == before
    assert run("heatmap", "d1/x.jpg", "-l", "cat", "-o", ".", "--overwrite").code == 0
    draw("l" * 250 + ".png")
    assert run("heatmap", "l" * 250 + ".png", "-l", "cat", "-o", "o").code == 0
