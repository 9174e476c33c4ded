"""`freeseg evaluate`: what it writes and prints, and one clear line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import freeseg.cli
from commands import Run, one_line
from drawn import SIZES, draw_voc, redraw_mask
from freeseg.evaluation import measure
from freeseg.evaluation.records import PhotoRecord
from freeseg.evaluation.report.report import Report
from freeseg.models import DEFAULT, read_config
from freeseg.words import vocabulary


@pytest.mark.usefixtures("on_tiny")
class TestEvaluate:
    @pytest.fixture
    def voc(self, tmp_path: Path) -> Path:
        return draw_voc(tmp_path / "voc")

    @pytest.fixture
    def call(self, run: Run, voc: Path, tmp_path: Path) -> Run:
        """`freeseg evaluate` of the drawn photos."""
        given = ("--dataset", "voc21", "--root", voc, "--readers", 0, "--out")
        return lambda *more, out=tmp_path / "out": run("evaluate", *given, out, *more)

    def test_three_files_and_a_table(self, call: Run, tmp_path: Path) -> None:
        done = call()
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("tiny on voc21 (3 photos)\n")
        assert "| mIoU | " in done.out
        assert str(tmp_path / "out" / "report.html") in done.out
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "report.md", "report.html"}
        report = Report.load(tmp_path / "out" / "report.json")
        assert [record.name for record in report.records] == list(SIZES)
        assert report.run.command.startswith("freeseg evaluate --dataset voc21 --root ")
        assert f"| mIoU | {report.numbers()['mIoU'].value:.1f} |" in done.out
        page = (tmp_path / "out" / "report.html").read_text("utf-8")
        assert all(name in page for name in SIZES)
        assert "voc21" in (tmp_path / "out" / "report.md").read_text("utf-8")

    def test_what_is_not_the_default_is_said(self, call: Run, tmp_path: Path) -> None:
        done = call("--setting", "plain", "--protocol", "tcl", "--limit", 2)
        assert done.out.startswith("tiny on voc21 (2 photos, plain, tcl)\n")
        run = Report.load(tmp_path / "out" / "report.json").run
        assert (run.setting, run.protocol["name"], run.photos) == ("plain", "tcl", 2)

    def test_ctrl_c_loses_the_photo_in_work_alone(
        self, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call(out=tmp_path / "whole")
        original = measure.count_photo

        def stopped(name: str, *rest: Any) -> PhotoRecord:
            if name == "three":
                raise KeyboardInterrupt
            return original(name, *rest)

        monkeypatch.setattr(measure, "count_photo", stopped)
        done = call()
        assert (done.code, done.out) == (130, "")
        assert "what was finished is kept" in done.err
        done_again: list[str] = []

        def noted(name: str, *rest: Any) -> PhotoRecord:
            done_again.append(name)
            return original(name, *rest)

        monkeypatch.setattr(measure, "count_photo", noted)
        assert call().code == 0
        assert done_again == ["three"]
        reports = [Report.load(tmp_path / folder / "report.json") for folder in ("whole", "out")]
        assert reports[0].records == reports[1].records

    def test_a_folder_with_half_of_another_evaluation(self, call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(measure, "count_photo", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            assert call().code == 130
        assert "setting differ" in one_line(call("--setting", "plain"))

    def test_numbers_for_the_model_card(self, call: Run, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "config.json").write_text((freeseg.models.embedded_folder(DEFAULT) / "config.json").read_text())
        numbers = []
        for setting in ("freeseg", "plain"):
            assert call("--model", folder, "--record", "--setting", setting).code == 0
            numbers.append(Report.load(tmp_path / "out" / "report.json").numbers()["mIoU"].value)
        metrics = read_config(folder).metrics
        assert metrics["voc21 mIoU (3 photos)"] == round(numbers[0], 1)
        assert metrics["voc21 mIoU (3 photos, plain)"] == round(numbers[1], 1)
        assert "| voc21 mIoU (3 photos) | " in (folder / "README.md").read_text("utf-8")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--protocol", "coco"], "'coco' is not one of 'freeseg', 'sclip', 'tcl', 'clearclip'"),
            (["--setting", "best"], "'best' is not one of 'freeseg', 'plain', 'aliases', 'refined'"),
            (["--dataset", "voc12"], "there are: voc20, voc21"),
            (["--classes", "classes.json"], "voc21 has its own classes"),
            (["--limit", "0"], "limit"),
            (["--root", "nowhere"], "nowhere"),
            (
                ["--record", "--short-side", "256"],
                "leave --short-side, --views, --precision and --onnx out",
            ),
            (["--protocol", "sclip", "--short-side", "256"], "sclip has a short side of its own"),
        ],
    )
    def test_mistakes(self, call: Run, tmp_path: Path, options: list[str], said: str) -> None:
        assert said in one_line(call(*options))
        assert not list((tmp_path).glob("out/*"))

    @pytest.mark.parametrize("option", ["--dataset", "--root", "--out"])
    def test_what_must_be_given(self, run: Run, tmp_path: Path, option: str) -> None:
        given = {"--dataset": "voc21", "--root": tmp_path, "--out": tmp_path}
        del given[option]
        assert option in one_line(run("evaluate", *(part for pair in given.items() for part in pair)))

    def test_a_mask_with_an_index_that_voc_has_not(self, call: Run, voc: Path) -> None:
        path = redraw_mask(voc, "two", np.full(SIZES["two"], 21))
        assert f"{path} holds 21" in one_line(call())

    def test_a_folder_of_ones_own(self, run: Run, voc: Path, tmp_path: Path) -> None:
        (voc / "mine.json").write_text(json.dumps(["background", *vocabulary("voc21").names]))
        given = ("--dataset", "folder", "--root", voc, "--classes", voc / "mine.json", "--out", tmp_path / "out")
        assert run("evaluate", *given).out.startswith("tiny on folder (3 photos)\n")
