"""`--frames`: each frame of an animation, and each page of a file, as a photo of its own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from commands import Run, results_of, written

LABELS = ("--labels", "cat, dog", "--out", "out")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    first, *others = (Image.effect_noise((40, 30), sigma).convert("RGB") for sigma in (20, 60, 100))
    first.save("in/clip.gif", save_all=True, append_images=others)


def summary(stem: str) -> dict[str, object]:
    content: dict[str, object] = json.loads(Path(f"out/{stem}.json").read_text())
    return content


def test_without_it_the_first_is_taken_and_one_line_says_so(run: Run) -> None:
    done = run("segment", "in", *LABELS)
    assert (done.code, written(Path("out"))) == (0, results_of("clip"))
    assert done.err == "2 more frames or pages were skipped: add --frames to take each as a photo of its own\n"
    assert "frame" not in summary("clip")


def test_each_frame_has_its_results(run: Run) -> None:
    for _ in range(2):  # the second time they have their places
        done = run("segment", "in", *LABELS, "--frames", "--table", "found.csv", "--coco", "all.json")
        assert (done.code, done.err) == (0, "")
        assert written(Path("out")) == results_of("clip-0001", "clip-0002", "clip-0003")
    assert "3 of 3 photos segmented" in done.out
    told = summary("clip-0002")
    assert (told["name"], told["source"], told["frame"]) == ("clip-0002.gif", str(Path("in/clip.gif")), 2)
    assert told["source_from_here"] == "../in/clip.gif#2"
    masks = [Path(f"out/clip-000{number}.mask.png").read_bytes() for number in (1, 2, 3)]
    assert len(set(masks)) == 3
    with Path("found.csv").open(newline="") as file:
        photos = {row["photo"] for row in csv.DictReader(file)}
    images = {image["file_name"] for image in json.loads(Path("all.json").read_text())["images"]}
    assert photos == images == {f"in/clip.gif#{number}" for number in (1, 2, 3)}


def test_a_frame_does_not_take_the_place_of_a_photo_of_its_name(run: Run) -> None:
    Image.effect_noise((40, 30), 50).convert("RGB").save("in/clip-0002.png")
    assert run("segment", "in", *LABELS, "--frames").code == 0
    stems = [f"clip-0002.{suffix}" for suffix in ("gif", "png") if Path(f"out/clip-0002.{suffix}.json").exists()]
    assert len(stems) == 1
    assert {summary(stem)["source"] for stem in ("clip-0002", *stems)} == {"in/clip.gif", "in/clip-0002.png"}


def test_heat_maps(run: Run) -> None:
    assert run("heatmap", "in", *LABELS, "--frames").code == 0
    assert written(Path("out")) == [f"clip-000{number}.heatmap.jpg" for number in (1, 2, 3)]


def test_json_lines_and_the_dry_run_tell_the_frame(run: Run) -> None:
    lines = [json.loads(line) for line in run("segment", "in", *LABELS, "--frames", "--json-lines").out.splitlines()]
    assert [(line["photo"], line["frame"], line["stem"]) for line in lines] == [
        (str(Path("in/clip.gif")), number, f"clip-000{number}") for number in (1, 2, 3)
    ]
    planned = run("segment", "in", *LABELS, "--frames", "--dry-run", "--save", "mask").out.splitlines()
    assert planned[1] == "in/clip.gif#2 -> out/clip-0002.mask.png"


def test_a_file_of_frames_is_never_written_over(run: Run) -> None:
    done = run("segment", "in", *LABELS, "--frames", "--table", "in/clip.gif", "--overwrite")
    assert done.code == 1
    assert "is one of the photos" in done.err
