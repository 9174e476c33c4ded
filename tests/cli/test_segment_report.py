"""What `freeseg segment` says: nothing, lines for programs, or what it would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import Run, one_line, results_of, written

LABELS = ("--labels", "cat, dog", "--no-background", "--out", "out")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None, photo: Path) -> None:
    """The folder of a good photo and of a bad one is the current one."""
    monkeypatch.chdir(photo.parent)
    Path("bad.png").write_bytes(b"no picture")


def test_nothing_but_what_went_wrong(run: Run) -> None:
    done = run("segment", ".", *LABELS, "--quiet")
    assert (done.code, done.out) == (1, "")
    assert "bad.png" in one_line(done)
    assert written(Path("out")) == results_of("noise")
    assert run("segment", "noise.png", *LABELS, "-q") == (0, "", "")


def test_a_line_for_each_photo(run: Run) -> None:
    done = run("segment", ".", *LABELS, "--json-lines")
    assert done.code == 1
    bad, good = (json.loads(line) for line in done.out.splitlines())
    assert bad["photo"] == "bad.png"
    assert bad["problem"] in done.err
    assert (good["photo"], good["stem"]) == ("noise.png", "noise")
    summary = json.loads(Path("out/noise.json").read_text())
    by_name = {label["label"]: label for label in summary["labels"]}
    assert len(good["labels"]) == len([label for label in summary["labels"] if label["pixels"]]) > 0
    for said in good["labels"]:
        label = by_name[said["label"]]
        assert said["share"] == pytest.approx(label["pixels"] / (30 * 44), abs=1e-6)
        assert said["confidence"] == pytest.approx(label["confidence"], abs=1e-3)


def test_what_it_would_do(run: Run) -> None:
    done = run("segment", "noise.png", *LABELS, "--save", "mask,json", "--table", "all.csv", "--dry-run")
    assert done == (0, "noise.png -> out/noise.mask.png, out/noise.json\n", "")
    assert not Path("out").exists()
    assert not Path("all.csv").exists()
    Path("out").mkdir()
    Path("out/noise.json").write_text("mine")
    done = run("segment", ".", *LABELS, "--save", "json", "--dry-run", "--json-lines")
    assert done.code == 1
    assert "FreeSeg did not write it" in one_line(done)
    problem, plan = (json.loads(line) for line in done.out.splitlines())
    assert problem["problem"] in done.err
    assert plan == {"photo": "bad.png", "files": ["out/bad.json"]}


def test_both_at_once(run: Run) -> None:
    assert "--quiet and --json-lines contradict" in one_line(run("segment", ".", *LABELS, "-q", "--json-lines"))
