"""`freeseg compare`: what it prints and writes, and a line for each mistake."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import freeseg.cli
from freeseg.evaluation.report.report import Report
from reports import draw_report


@pytest.fixture
def reports(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "a.json", tmp_path / "b.json"
    for path, skill in zip(paths, (0.3, 0.8), strict=True):
        draw_report(skill=skill).report.save(path)
    return paths


def said(
    arguments: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    """The exit code, a line where something was wrong, and what was printed."""
    monkeypatch.setattr(sys, "argv", ["freeseg", "compare", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        freeseg.cli.main()
    return ended.value.code, capsys.readouterr().out


def test_folders_of_reports(
    reports: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / path.stem for path in reports]
    for path, folder in zip(reports, folders, strict=True):
        folder.mkdir()
        path.rename(folder / "report.json")
    code, printed = said([*folders], monkeypatch, capsys)
    assert not code
    assert "# drawn: tiny (A) and tiny (B)" in printed


def test_prints_and_writes_the_comparison(
    reports: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sub" / "compared.md"
    code, printed = said([*reports, "--markdown", out], monkeypatch, capsys)
    assert not code
    assert "# drawn: tiny (A) and tiny (B)" in printed
    assert "| mIoU |" in printed
    assert "6 photos changed" in printed
    assert printed.strip() == out.read_text("utf-8").strip()


class TestMistakes:
    @pytest.mark.parametrize("content", ["", "{}", '{"format": "freeseg-report-1"}', '{"annotations": []}'])
    def test_a_broken_or_foreign_file(
        self,
        content: str,
        reports: tuple[Path, Path],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        reports[1].write_text(content)
        message, printed = said([*reports], monkeypatch, capsys)
        assert str(message).startswith(f"freeseg: {reports[1]} ")
        assert len(str(message).splitlines()) == 1
        assert printed == ""

    def test_reports_of_different_settings(
        self, reports: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report = Report.load(reports[1])
        Report(replace(report.run, setting="refined"), report.records).save(reports[1])
        message, printed = said([*reports], monkeypatch, capsys)
        assert "they differ in setting (plain and refined)" in str(message)
        assert printed == ""


@pytest.mark.parametrize("package", ["scipy", "jinja2"])
def test_a_missing_extra_is_one_line(package, tmp_path):
    code = f"import sys; sys.modules[{package!r}] = None; import freeseg.cli; freeseg.cli.main()"
    command = ["evaluate", "--dataset", "voc21", "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f'freeseg: this needs {package}; run: pip install "freeseg[eval]"']
