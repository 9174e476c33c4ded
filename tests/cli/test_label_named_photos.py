"""`freeseg label` of photos that are named one by one: files, patterns, lists, URLs, pipes and frames."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from commands import Run, one_line
from films import GREYS, film
from freeseg.data.free_masks import FreeMasks, open_free_masks
from freeseg.labelling import COLLECTED, collect_photos
from freeseg.photos import given_photos
from freeseg.training.network.labelled_photos import find_photos
from labelled import content, draw_photo
from web_server import web_server

WORDS = ("--labels", "cat, dog", "--out", "masks", "--workers", "1", "--sample", "0")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None) -> None:
    monkeypatch.chdir(tmp_path)


def labelled(masks: FreeMasks) -> list[tuple[str, str]]:
    """Source and file of each photo."""
    return [(entry.source, entry.file) for entry in masks.entries]


def test_files_patterns_and_lists(run: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("set/a.png", "set/below/b.png", "set/c.png", "set/d.txt")):
        draw_photo(tmp_path / f"{name}.png", number).rename(tmp_path / name)
    Path("names.txt").write_text("set/c.png\nset/a.png\n")
    assert run("label", "set/**/*.png", "@names.txt", *WORDS).code == 0
    masks = open_free_masks(Path("masks"))
    assert labelled(masks) == [("set", "a.png"), ("set", "below/b.png"), ("set", "c.png")]
    assert [photo.path for photo in find_photos(masks, [Path("set")])] == ["set/a.png", "set/below/b.png", "set/c.png"]
    before = content(Path("masks"))
    done = run("label", "@names.txt", "set/**/*.png", "set", *WORDS)
    assert "two sources are called 'set'" in one_line(done)
    assert content(Path("masks")) == before
    assert (
        "0 photos labelled, 2 in all" in run("label", "@names.txt", *WORDS).out
    )  # the third one is not named any more


def test_what_is_no_file_is_kept_for_training(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "photo.png", 3).read_bytes()
    film(Path("clip.mp4"))
    with web_server() as server:
        urls = [server.send(f"/{folder}/cat.png", photo) for folder in "ab"]
        given = ["label", *urls, "clip.mp4", "-", "--every", "3", "--allow-private-addresses", *WORDS]
        for _ in range(2):  # the second time, nothing is fetched, and nothing is labelled
            monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(photo)))
            done = run(*given)
            assert (done.code, done.err, len(server.asked)) == (0, "", 2)
    assert "0 photos labelled, 5 in all" in done.out
    masks = open_free_masks(Path("masks"))
    sources, files = zip(*labelled(masks), strict=True)
    assert set(sources) == {COLLECTED}
    assert [file.partition("-")[0] for file in files] == ["cat", "cat", "clip", "clip", "stdin"]
    kept = [Path(photo.path) for photo in find_photos(masks, [Path("masks") / COLLECTED])]
    assert [path.read_bytes() for path in kept[:2]] == [photo, photo]  # as they came
    for path, grey in zip(kept[2:4], (GREYS[0], GREYS[3]), strict=True):
        with Image.open(path) as frame:
            assert abs(float(np.asarray(frame)[30:, 40:].mean()) - grey) <= 3
    with Image.open(kept[4]) as piped, Image.open("photo.png") as drawn:
        assert piped.tobytes() == drawn.tobytes()


def test_a_bad_one_costs_the_others_nothing(run: Run, tmp_path: Path) -> None:
    draw_photo(tmp_path / "a.png", 1)
    with web_server() as server:
        url = server.url("/gone.png")
        done = run("label", url, "a.png", "--allow-private-addresses", *WORDS)
    assert (done.code, done.err.splitlines()) == (
        1,
        [f"freeseg: cannot read {url}: the server answers 404 (Not Found); check the URL in a browser"],
    )
    assert "1 photos labelled, 1 in all" in done.out


def test_a_video_that_has_gone_meanwhile_costs_the_others_nothing(tmp_path: Path) -> None:
    found = given_photos([str(film(tmp_path / name)) for name in ("a.mp4", "b.mp4")], io.BytesIO(), every=6)
    (tmp_path / "a.mp4").unlink()
    collected, unread = collect_photos(found, tmp_path / "collected")
    assert [line.partition(":")[0] for line in unread] == [f"cannot read {tmp_path}/a.mp4"]
    assert collected is not None
    assert [key.partition("-")[0] for key, *_ in collected] == ["b"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere.png", "cannot read nowhere.png: no such file"),
        ("no*.png", "no file matches no*.png"),
        ("@nowhere.txt", "cannot read nowhere.txt: no such file"),
        ("pipe:cat a.tar", "no web page and no pipe is read"),
    ],
)
def test_mistakes_take_one_line(run: Run, given: str, said: str) -> None:
    assert said in one_line(run("label", given, *WORDS))
    assert not Path("masks").exists()
