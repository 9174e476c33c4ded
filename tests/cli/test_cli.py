"""The command line: what it writes, and one clear line for each mistake.

Most tests call `freeseg.cli.main` in this process, on the tiny model; a few start the real program.
"""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pycocotools.mask
import pytest
from PIL import Image

import freeseg.cli
from commands import Done, Run, one_line, program, results_of, written
from freeseg.models import DEFAULT
from freeseg.pipeline import FreeSeg
from freeseg.results.drawing import palette
from freeseg.results.formats import ENDINGS
from freeseg.results.segmentation import Segmentation
from freeseg.words import vocabulary


class TestProgram:
    """In processes of their own: the program as a user runs it."""

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
    @pytest.mark.slow
    def test_a_folder_from_end_to_end(self, photo_folder: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        done = program("segment", photo_folder, "--labels", "cat, cup|mug, woman", "--out", out)
        assert done.code == 0, done.err
        assert done.err == ""
        assert f"3 of 3 photos segmented; overlays, masks and JSON in {out}" in " ".join(done.out.split())
        assert written(out) == results_of("cat", "sub/cup", "woman")
        for stem, own in {"cat": "cat", "sub/cup": "cup", "woman": "woman"}.items():
            summary = json.loads((out / f"{stem}.json").read_text("utf-8"))
            assert summary["model"] == DEFAULT
            assert [entry["label"] for entry in summary["labels"]] == ["background", "cat", "cup", "woman"]
            with Image.open(out / f"{stem}.mask.png") as image:
                assert image.mode == "P"
                assert image.getpalette() == palette(256).ravel().tolist()
                mask = np.array(image)
            assert mask.shape == (summary["height"], summary["width"])
            for entry in summary["labels"]:
                assert entry["pixels"] == (mask == entry["index"]).sum()
                if entry["pixels"]:
                    assert np.array_equal(pycocotools.mask.decode(entry["rle"]), mask == entry["index"])
            areas = {entry["label"]: entry["area"] for entry in summary["labels"]}
            assert areas[own] == max(areas[label] for label in ("cat", "cup", "woman"))
            with Image.open(out / f"{stem}.overlay.jpg") as overlay:
                assert overlay.width >= summary["width"]

    def test_version(self) -> None:
        assert program("--version") == Done(0, f"freeseg {freeseg.__version__}\n", "")
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", freeseg.__version__)

    @pytest.mark.parametrize(
        ("line", "completed"),
        [
            ("freeseg he", {"heatmap"}),
            ("freeseg segment --lab", {"--labels"}),
            ("freeseg train --precision b", {"bfloat16", "bf16"}),
        ],
    )
    def test_a_shell_can_complete(self, monkeypatch: pytest.MonkeyPatch, line: str, completed: set[str]) -> None:
        monkeypatch.setenv("_FREESEG_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        code = "import sys; sys.argv[0] = 'freeseg'; from freeseg.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert set(done.stdout.split()) == completed, done.stderr

    def test_help_imports_nothing_heavy(self) -> None:
        code = (
            "import sys\n"
            "from freeseg.cli import main\n"
            "sys.argv = ['freeseg', *sys.argv[1:]]\n"
            "try:\n    main()\n"
            "finally:\n    print('LOADED', *sys.modules)"
        )
        for arguments in (["--help"], ["segment", "--help"], ["--version"], []):
            done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            text, _, loaded = done.stdout.rpartition("LOADED")
            assert "Usage" in text or "--version" in arguments
            assert not {"torch", "transformers", "numpy", "PIL", "safetensors"} & set(loaded.split())

    def test_a_mistake_is_one_line_and_no_traceback(self, tmp_path: Path) -> None:
        line = one_line(program("segment", tmp_path / "nowhere.jpg", "--labels", "cat"))
        assert "nowhere.jpg: no such file" in line
        assert program("segment", "--labels", "cat").code != 0

    def test_a_label_in_bytes_that_are_no_text(self, photo: Path) -> None:
        command = [sys.executable.encode(), b"-m", b"freeseg", b"segment", os.fsencode(photo), b"--labels", b"caf\xe9"]
        done = subprocess.run(command, capture_output=True)
        assert "no text" in one_line(Done(done.returncode, "", done.stderr.decode()))


@pytest.mark.usefixtures("on_tiny")
class TestSegment:
    def test_one_photo_gets_a_table(self, run: Run, photo: Path, tmp_path: Path) -> None:
        done = run("segment", photo, "-l", "cat, sofa|couch", "-o", tmp_path / "out", "--no-background")
        assert (done.code, done.err) == (0, "")
        assert "noise.png" in done.out
        assert "confidence" in done.out
        summary = json.loads((tmp_path / "out" / "noise.json").read_text("utf-8"))
        assert [entry["label"] for entry in summary["labels"]] == ["cat", "sofa"]
        for entry in summary["labels"]:
            assert (f"{entry['area']:.1%}" in done.out) == bool(entry["pixels"])

    def test_only_what_is_asked_for_is_made(
        self, run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise AssertionError

        monkeypatch.setattr(Segmentation, "overlay", fail)
        monkeypatch.setattr(Segmentation, "to_dict", fail)
        out = tmp_path / "out"
        out.mkdir()
        (out / "noise.json").write_text("of another program")  # in nobody's way
        done = run("segment", photo, "--labels", "cat, dog", "--out", out, "--save", "coco, mask")
        assert (done.code, done.err) == (0, "")
        assert "1 of 1 photos segmented; COCO and masks in" in done.out
        assert written(out) == ["noise.coco.json", "noise.json", "noise.mask.png"]

    def test_a_table_of_all_photos(self, run: Run, photo: Path, tmp_path: Path) -> None:
        table = tmp_path / "found.csv"
        asked = ["segment", photo, "--labels", "cat", "--out", tmp_path / "out", "--no-background", "--table", table]
        for _ in range(2):  # its own table may be written anew
            done = run(*asked, "--save", "cutout")
            assert (done.code, done.err) == (0, "")
            assert "1 of 1 photos segmented; cut-outs in" in done.out
            assert table.read_text("utf-8").splitlines()[1].startswith(f"{photo},")
        table.write_text("mine")
        assert "found.csv is there, and is no table of FreeSeg" in one_line(run(*asked))
        assert table.read_text() == "mine"

    def test_a_table_of_a_run_that_was_stopped(
        self, run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from freeseg.results import saving

        def stopped(
            outcomes: Iterator[saving.NamedOutcome], folder: Path, **_: object
        ) -> Iterator[saving.NamedOutcome]:
            yield next(outcomes)
            raise KeyboardInterrupt

        monkeypatch.setattr(saving, "save_in_background", stopped)
        second, table = tmp_path / "second.png", tmp_path / "found.csv"
        second.write_bytes(photo.read_bytes())
        asked = ["segment", photo, second, "--labels", "cat", "--out", tmp_path / "out", "--no-background"]
        assert run(*asked, "--table", table).code != 0
        assert [line.partition(",")[0] for line in table.read_text("utf-8").splitlines()] == ["photo", str(photo)]

    @pytest.mark.parametrize("formats", ["bmp", "mask,bmp", ",", ""])
    def test_a_format_that_there_is_not(self, run: Run, photo: Path, tmp_path: Path, formats: str) -> None:
        done = run("segment", photo, "--labels", "cat", "--out", tmp_path / "out", "--save", formats)
        assert one_line(done).endswith("; there are: " + ", ".join(ENDINGS))
        assert not (tmp_path / "out").exists()

    def test_a_bad_photo_costs_only_itself(self, run: Run, photo: Path, tmp_path: Path) -> None:
        (photo.parent / "a_bad.jpg").write_bytes(b"no picture")
        (photo.parent / "empty.png").write_bytes(b"")
        Image.open(photo).save(photo.parent / "zebra.jpg")
        done = run("segment", photo.parent, "-l", "cat", "-o", tmp_path / "out")
        assert done.code == 1
        assert "2 of 4 photos segmented" in done.out
        first, second = done.err.splitlines()
        assert first.startswith(f"freeseg: cannot read {photo.parent / 'a_bad.jpg'}: ")
        assert second.startswith(f"freeseg: cannot read {photo.parent / 'empty.png'}: ")
        assert written(tmp_path / "out") == results_of("noise", "zebra")

    def test_nothing_but_a_bad_photo(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_bytes(b"no picture")
        done = run("segment", tmp_path / "bad.jpg", "-l", "cat", "-o", tmp_path / "out")
        assert "bad.jpg" in one_line(done)
        assert "0 of 1 photos segmented" in done.out

    @pytest.mark.parametrize("labels", ["😀, 👩‍👩‍👧", "猫,狗", "קָטָן", "[bold]cat[/bold], [/]", ":cat:", "x" * 10_000])
    def test_labels_of_every_script_and_length(self, run: Run, photo: Path, tmp_path: Path, labels: str) -> None:
        done = run("segment", photo, "-l", labels, "-o", tmp_path / "out", "--no-background")
        assert (done.code, done.err) == (0, "")
        summary = json.loads((tmp_path / "out" / "noise.json").read_text("utf-8"))
        expected = [" ".join(label.split()) for label in labels.split(",")]
        assert [entry["label"] for entry in summary["labels"]] == expected
        shown = "".join(character for character in done.out if character not in "│┃ \n")
        winner = max(summary["labels"], key=lambda entry: entry["pixels"])["label"]
        assert winner.replace(" ", "")[:50] in shown  # as it was given: neither a style nor a picture

    def test_names_of_files_are_no_styles(self, run: Run, photo: Path, tmp_path: Path) -> None:
        folder = photo.parent / "holiday ["
        folder.mkdir()
        photo.rename(folder / "b] :cat: [red].png")
        done = run("segment", folder / "b] :cat: [red].png", "-l", "cat", "-o", tmp_path / "[/out]")
        assert (done.code, done.err) == (0, "")
        assert "b] :cat: [red].png" in done.out
        assert "[/out]" in done.out

    def test_a_name_that_is_no_text(self, run: Run, photo: Path, tmp_path: Path) -> None:
        odd = photo.with_name("caf\udce9.png")
        photo.rename(odd)
        done = run("segment", odd, "-l", "cat", "-o", tmp_path / "out")
        assert (done.code, done.err) == (0, "")
        assert "caf?.png" in done.out
        assert (tmp_path / "out" / "caf\udce9.json").exists()

    def test_same_names_keep_apart(self, run: Run, photo: Path, tmp_path: Path) -> None:
        for place in ("one/x.png", "one/x.bmp", "two/x.png"):
            (tmp_path / place).parent.mkdir(exist_ok=True)
            Image.open(photo).save(tmp_path / place)
        done = run("segment", tmp_path / "one", tmp_path / "two", "-l", "cat", "-o", tmp_path / "out")
        assert done.code == 0
        summaries = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")}
        assert written(tmp_path / "out") == results_of(*summaries)
        first, second, third = sorted(summaries)
        assert [first, second] == ["x", "x.png"]
        assert third.startswith("x.png-")
        sources = [summaries[stem]["source"] for stem in (first, second, third)]
        assert sources == [str(tmp_path / place) for place in ("one/x.bmp", "one/x.png", "two/x.png")]

    def test_a_disk_that_fills_leaves_whole_files(
        self, run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Image.open(photo).save(photo.parent / "other.png")
        write_bytes = Path.write_bytes

        def fill(self: Path, content: bytes) -> None:
            if self.name.startswith(".other.mask.png"):
                write_bytes(self, b"half")
                raise OSError(errno.ENOSPC, "No space left on device")
            write_bytes(self, content)

        monkeypatch.setattr(Path, "write_bytes", fill)
        line = one_line(run("segment", photo.parent, "-l", "cat", "-o", tmp_path / "out"))
        assert "other.mask.png: No space left on device" in line
        assert written(tmp_path / "out") == sorted([*results_of("noise"), "other.overlay.jpg"])

    def test_a_list_by_name(self, run: Run, photo: Path, tmp_path: Path) -> None:
        assert run("segment", photo, "-l", " voc20 ", "-o", tmp_path).code == 0
        labels = json.loads((tmp_path / "noise.json").read_text("utf-8"))["labels"]
        assert tuple(entry["label"] for entry in labels[1:]) == vocabulary("voc20").names

    def test_ctrl_c(
        self, run: Run, photo: Path, tmp_path: Path, tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*arguments: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(tiny, "maps", stop)
        done = run("segment", photo, "-l", "cat", "-o", tmp_path)
        assert done.code == 130
        assert one_line(done) == "freeseg: stopped; what was finished is kept"


@pytest.mark.usefixtures("on_tiny")
class TestMistakes:
    """One of each kind: exit code, one line, nothing written."""

    @pytest.mark.parametrize(
        ("labels", "says"),
        [
            ("", "empty label"),
            (",", "empty label"),
            ("cat,,dog", "empty label"),
            ("|cat", "empty label"),
            ("cat, dog, cat", "'cat' is given twice"),
            ("sofa|couch, couch", "'couch' is given under both 'sofa' and 'couch'"),
            ("background", "is not a label"),
            ("x" * 10_001, "10,001 characters"),
        ],
    )
    @pytest.mark.parametrize("command", ["segment", "heatmap"])
    def test_labels(self, run: Run, photo: Path, tmp_path: Path, command: str, labels: str, says: str) -> None:
        line = one_line(run(command, photo, "-l", labels, "-o", tmp_path / "out"))
        assert says in line
        assert len(line) < 300
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["segment", "PHOTO"], "--labels"),
            (["segment", "-l", "cat"], "photos"),
            (["segment", "PHOTO", "-l", "cat", "--colour"], "--colour"),
            (["heatmap", "PHOTO"], "--labels"),
            (["segmnt", "PHOTO"], "segmnt"),
            (["pretrain", "PHOTO", "-o", "x", "--epochs", "many"], "--epochs"),
        ],
    )
    def test_command_lines(self, run: Run, photo: Path, arguments: list[str], says: str) -> None:
        assert says in one_line(run(*(str(photo) if word == "PHOTO" else word for word in arguments)))

    @pytest.mark.parametrize("command", ["segment", "heatmap"])
    def test_a_missing_photo(self, run: Run, tmp_path: Path, command: str) -> None:
        line = one_line(run(command, tmp_path / "nowhere.jpg", "-l", "cat", "-o", tmp_path / "out"))
        assert "nowhere.jpg: no such file" in line
        assert written(tmp_path) == []

    def test_a_folder_without_photos(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "notes.txt").write_text("no photo")
        assert f"no photos in {tmp_path / 'in'}" in one_line(run("segment", tmp_path / "in", "-l", "cat"))

    def test_a_heatmap_of_a_folder_without_photos(self, run: Run, tmp_path: Path) -> None:
        assert "no photos in" in one_line(run("heatmap", tmp_path, "-l", "cat", "-o", tmp_path / "out"))

    @pytest.mark.parametrize("command", ["segment", "heatmap"])
    def test_an_output_folder_that_is_a_file(self, run: Run, photo: Path, tmp_path: Path, command: str) -> None:
        (tmp_path / "out").write_text("mine")
        line = one_line(run(command, photo, "-l", "cat", "-o", tmp_path / "out"))
        assert f"cannot write to {tmp_path / 'out'}" in line
        assert (tmp_path / "out").read_text() == "mine"


class TestRealLoading:
    """Mistakes that the real loading of a model must find, before it reads any weights."""

    def test_an_unknown_model(self, run: Run, photo: Path, tmp_path: Path) -> None:
        line = one_line(run("segment", photo, "-l", "cat", "-o", tmp_path / "out", "-m", "freeseg-huge"))
        assert "'freeseg-huge'" in line
        assert DEFAULT in line

    @pytest.mark.parametrize("command", ["segment", "heatmap"])
    def test_an_unknown_device(self, run: Run, photo: Path, tmp_path: Path, command: str) -> None:
        line = one_line(run(command, photo, "-l", "cat", "-o", tmp_path / "out", "--device", "warp9"))
        assert "device 'warp9'" in line

    def test_a_model_folder_without_weights(self, run: Run, photo: Path, tmp_path: Path) -> None:
        config = (freeseg.models.embedded_folder(DEFAULT) / "config.json").read_text()
        (tmp_path / "config.json").write_text(config)
        assert "model.safetensors is missing" in one_line(run("segment", photo, "-l", "cat", "-m", tmp_path))


class TestModels:
    def test_what_there_is(self, run: Run) -> None:
        done = run("models")
        assert (done.code, done.err) == (0, "")
        assert DEFAULT in done.out
        assert "Apache-2.0" in done.out
        assert " MB" in done.out

    def test_a_name_is_whole_on_a_narrow_terminal(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        assert DEFAULT in run("models").out

    def test_weights_that_are_missing_are_said_to_be(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config.json").write_text((freeseg.models.embedded_folder(DEFAULT) / "config.json").read_text())
        monkeypatch.setattr(freeseg.models, "embedded_folder", lambda name: tmp_path)
        assert "missing" in run("models").out
