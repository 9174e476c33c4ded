"""`freeseg label`: what it prints and writes, what a kill or Ctrl-C leaves, and a line for each mistake."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from commands import Run, one_line
from freeseg.cli import STOPPED, TERMINATED
from freeseg.data.free_masks import LABELS, MANIFEST, open_free_masks
from freeseg.labelling.run import SHEET
from labelled import content, draw_photo, draw_photos
from processes import Started, wait_for_the_end_of

WORDS = ["--labels", "cat|kitten, dog, sofa|couch"]
PHOTOS = 40


@pytest.mark.usefixtures("on_tiny")
class TestCommand:
    def test_masks_table_and_contact_sheet(self, run: Run, tmp_path: Path) -> None:
        folders, out = draw_photos(tmp_path), tmp_path / "out"
        done = run("label", *folders, *WORDS, "--out", out, "--workers", 1, "--sample", 2)
        assert (done.code, done.err) == (0, "")
        assert "6 photos, 0.0% ignored" in done.out
        assert f"6 photos labelled, 6 in all; free masks in {out}" in " ".join(done.out.split())
        masks = open_free_masks(out)
        assert len(masks.entries) == 6
        assert masks.vocabulary.labels[2].aliases == ("sofa", "couch")
        assert sorted(path.name for path in out.iterdir()) == ["confidence", SHEET, LABELS, MANIFEST, "masks"]
        cat = [entry.areas["cat"] for entry in masks.entries if "cat" in entry.areas]
        if cat:
            rows = [line.split("│")[1:4] for line in done.out.splitlines() if "│ cat" in line]
            assert [cell.strip() for cell in rows[0]] == ["cat", str(len(cat)), f"{sum(cat) / len(cat):.1%}"]

    def test_coco_can_be_had_later(self, run: Run, tmp_path: Path) -> None:
        folders, out = draw_photos(tmp_path), tmp_path / "out"
        given = ["label", *folders, *WORDS, "--out", out, "--workers", 1]
        assert run(*given).code == 0
        assert not (out / "coco.json").exists()
        assert "0 photos labelled, 6 in all" in run(*given, "--format", "coco").out
        assert len(COCO(str(out / "coco.json")).imgs) == 6

    def test_a_list_of_labels_and_a_rule(self, run: Run, tmp_path: Path) -> None:
        given = ["label", draw_photos(tmp_path)[1], "--labels", "common", "--out", tmp_path / "out", "--workers", 1]
        assert run(*given, "--ignore-below", 1).code == 0
        settings = json.loads((tmp_path / "out" / LABELS).read_text())
        assert len(settings["labels"]) > 255
        assert settings["decision"]["ignore_below"] == 1
        assert "another decision.ignore_below;" in one_line(run(*given))

    def test_bad_photos_are_told_at_the_end(self, run: Run, tmp_path: Path) -> None:
        plain = draw_photos(tmp_path)[1]
        (plain / "bad.jpg").write_bytes(b"no picture")
        done = run("label", plain, *WORDS, "--out", tmp_path / "out", "--workers", 1)
        assert one_line(done).startswith("freeseg: cannot read plain/bad.jpg: not a picture")
        assert done.code == 1
        assert "2 photos labelled, 2 in all" in done.out

    def test_results_inside_the_photos_folder_are_no_photos(self, run: Run, tmp_path: Path) -> None:
        photos = draw_photos(tmp_path)[1]
        given = ["label", photos, *WORDS, "--out", photos / "masks", "--workers", 1]
        assert run(*given).code == 0
        before = content(photos)
        assert "0 photos labelled, 2 in all" in run(*given).out
        assert content(photos) == before

    def test_another_source_of_the_same_name_is_refused(self, run: Run, tmp_path: Path) -> None:
        for number, year in enumerate(("2023", "2024")):
            draw_photo(tmp_path / year / "images" / f"{year}.png", number)
        given = ["label", tmp_path / "2023" / "images", *WORDS, "--out", tmp_path / "out", "--workers", 1]
        assert run(*given).code == 0
        before = content(tmp_path / "out")
        given[1] = tmp_path / "2024" / "images"
        assert "are of another 'images': none of its 1 photos is in this one" in one_line(run(*given))
        assert content(tmp_path / "out") == before

    def test_photos_that_are_gone_are_told(self, run: Run, tmp_path: Path) -> None:
        photos = draw_photos(tmp_path)[1]
        given = ["label", photos, *WORDS, "--out", tmp_path / "out", "--workers", 1]
        assert run(*given).code == 0
        (photos / "d.png").unlink()
        done = run(*given)
        assert "1 photos labelled before are no longer there" in done.err
        assert [entry.file for entry in open_free_masks(tmp_path / "out").entries] == ["e.jpg"]

    def test_photos_without_a_line_of_captions_are_told(self, run: Run, tmp_path: Path) -> None:
        captioned = draw_photos(tmp_path)[0]
        draw_photo(captioned / "images" / "new.png", 9)
        done = run("label", captioned, *WORDS, "--out", tmp_path / "out", "--workers", 1)
        assert "1 photos of captioned have no line in captions.jsonl and are not labelled" in done.err

    def test_ctrl_c_keeps_what_is_done(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from freeseg.labelling import processes

        label_photo, asked = processes.label_photo, list[str]()

        def interrupted(*given: object) -> object:
            asked.append("")
            if len(asked) == 4:
                raise KeyboardInterrupt
            return label_photo(*given)  # type: ignore[arg-type]

        given = ["label", *draw_photos(tmp_path), *WORDS, "--out", tmp_path / "out", "--workers", 1]
        monkeypatch.setattr(processes, "label_photo", interrupted)
        stopped = run(*given)
        assert stopped.code == STOPPED
        assert stopped.err == "freeseg: stopped; what was finished is kept\n"
        assert len(open_free_masks(tmp_path / "out").entries) == 3
        assert "3 photos labelled, 6 in all" in run(*given).out


@pytest.mark.usefixtures("on_tiny")
class TestMistakes:
    def test_no_source(self, run: Run, tmp_path: Path) -> None:
        assert "SOURCE" in one_line(run("label", *WORDS, "--out", tmp_path / "out"))

    def test_a_source_that_is_not_there(self, run: Run, tmp_path: Path) -> None:
        assert "gone: no such file" in one_line(run("label", tmp_path / "gone", *WORDS, "--out", tmp_path / "out"))

    def test_a_folder_without_photos(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert "empty" in one_line(run("label", tmp_path / "empty", *WORDS, "--out", tmp_path / "out"))

    @pytest.mark.parametrize("labels", ["", "cat, cat", "background", "cat,,dog"])
    def test_labels_that_cannot_be_used(self, run: Run, tmp_path: Path, labels: str) -> None:
        one_line(run("label", draw_photos(tmp_path)[1], "--labels", labels, "--out", tmp_path / "out"))
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("option", [["--workers", "0"], ["--format", "voc"], ["--ignore-below", "2"]])
    def test_options_out_of_range(self, run: Run, tmp_path: Path, option: list[str]) -> None:
        folder = draw_photos(tmp_path)[1]
        assert option[0] in one_line(run("label", folder, *WORDS, "--out", tmp_path / "out", *option))

    def test_out_is_a_file(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("mine")
        line = one_line(run("label", draw_photos(tmp_path)[1], *WORDS, "--out", tmp_path / "out", "--workers", 1))
        assert str(tmp_path / "out") in line
        assert (tmp_path / "out").read_text() == "mine"


def start(root: Path, out: str, workers: int = 2) -> Started:
    """The real command, in a session of its own, as in a terminal of its own."""
    command = ("label", "photos", *WORDS, "--out", out, "--workers", workers)
    return Started.command(*command, folder=root, session=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, and what an undisturbed run by one process makes of them."""
    root = tmp_path_factory.mktemp("work")
    for number in range(PHOTOS):
        draw_photo(root / "photos" / f"{number}.png", number)
    assert start(root, "whole", workers=1).wait().code == 0
    return root


@pytest.mark.slow
class TestProgram:
    """In processes of their own, on the embedded model, stopped between any two instructions."""

    @contextmanager
    def under_way(self, root: Path, out: str) -> Iterator[tuple[Started, list[int]]]:
        """A run that has done some photos but not all, and the processes that work for it."""
        manifest = root / out / MANIFEST
        with start(root, out) as started:
            started.wait_until(lambda: manifest.exists() and manifest.read_bytes().count(b"\n") > 1)
            yield started, started.helpers()

    def test_a_killed_run_goes_on_to_the_same_bytes(self, root: Path) -> None:
        with self.under_way(root, "killed") as (started, workers):
            started.kill()
        assert len(workers) >= 2
        assert 1 < len(open_free_masks(root / "killed").entries) < PHOTOS
        wait_for_the_end_of(workers)
        again = start(root, "killed", workers=1).wait()
        assert again.code == 0, again.err
        assert f"{PHOTOS} in all" in again.out
        assert f"{PHOTOS} photos labelled" not in again.out
        assert content(root / "killed") == content(root / "whole")

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, STOPPED), (signal.SIGTERM, TERMINATED)])
    def test_a_signal_ends_it_cleanly(self, root: Path, number: signal.Signals, code: int) -> None:
        out = f"stopped by {number.name}"
        with self.under_way(root, out) as (started, workers):
            os.killpg(started.pid, number)  # as a terminal or `timeout` does: to all of them
            stopped = started.wait()
        assert stopped == (code, "", "freeseg: stopped; what was finished is kept\n")
        wait_for_the_end_of(workers)
        assert not [name for name in content(root / out) if name.endswith(".part")]
        assert 1 < len(open_free_masks(root / out).entries) < PHOTOS
        assert start(root, out, workers=1).wait().code == 0
        assert content(root / out) == content(root / "whole")
