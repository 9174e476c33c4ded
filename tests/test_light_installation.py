"""What everybody does works where neither PyTorch nor transformers is installed, and what needs them says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands import Done, one_line, results_of, written
from freeseg.models import EMBEDDED, TEACHER

HIDDEN = ("torch", "transformers", "tokenizers", "huggingface_hub", "onnx", "onnxscript", "accelerate")
HIDE = f"""
import sys
from importlib.abc import MetaPathFinder

class Hide(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HIDDEN}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hide())
"""
ASK = """
import freeseg, numpy as np
pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
for name in sys.argv[1:]:
    model = freeseg.load(name)
    assert model.engine.name == "onnxruntime"
    assert model.segment(pixels, "cat, sofa|couch").mask.shape == (50, 70)
    assert model.similarity(pixels, ["cat", "a zebra"]).shape == (2, 50, 70)
    assert model.segment_known(pixels, "cat, dog", ["cat"]).candidates == ("cat",)
"""
COMMAND = "\nfrom freeseg.cli import main\nmain()"


def python(code: str, *arguments: object) -> Done:
    """Run code in a process in which nothing of `HIDDEN` can be imported."""
    command = [sys.executable, "-c", HIDE + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def freeseg_command(*arguments: object) -> Done:
    """Run the command line there."""
    return python(COMMAND, *arguments)


def test_in_python() -> None:
    assert python(ASK, *EMBEDDED) == Done(0, "", "")


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_segment(photo_folder: Path, tmp_path: Path, precision: str) -> None:
    done = freeseg_command(
        "segment", photo_folder / "cat.jpg", "-l", "cat, dog", "--precision", precision, "--out", tmp_path
    )
    assert (done.code, done.err) == (0, "")
    assert written(tmp_path) == results_of("cat")


def test_heatmap(photo_folder: Path, tmp_path: Path) -> None:
    done = freeseg_command("heatmap", photo_folder / "cat.jpg", "-l", "cat, dog", "-m", TEACHER, "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert written(tmp_path) == ["cat.heatmap.jpg"]


def test_label(photo_folder: Path, tmp_path: Path) -> None:
    done = freeseg_command("label", photo_folder, "-l", "cat, dog", "--out", tmp_path, "--workers", 1, "--sample", 0)
    assert (done.code, done.err) == (0, "")
    assert "manifest.jsonl" in written(tmp_path)


def test_evaluate_is_imported() -> None:
    assert python("import freeseg.evaluation, freeseg.evaluation.runner, freeseg.evaluation.report.page").code == 0


def test_models() -> None:
    listed, described = freeseg_command("models"), freeseg_command("models", TEACHER)
    assert (listed.code, listed.err, described.code, described.err) == (0, "", 0, "")
    assert "here they run in onnxruntime, " in listed.out
    assert "runs in: onnxruntime, " in described.out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["segment", "PHOTO", "-l", "cat", "--engine", "torch"], "this"),
        (["segment", "PHOTO", "-l", "cat", "--device", "cuda"], "this"),
        (["segment", "PHOTO", "-l", "cat", "--precision", "bfloat16"], "this"),
        (["heatmap", "PHOTO", "-l", "cat", "-m", "owner/clip"], "a model of huggingface.co"),
        (["pretrain", "FOLDER", "--out", "OUT"], "this"),
        (["train", "--images", "FOLDER", "--masks", "FOLDER", "--out", "OUT"], "this"),
        (["export", "-l", "cat", "--out", "OUT"], "this"),
    ],
)
def test_what_needs_pytorch_says_how_it_is_installed(
    arguments: list[str], what: str, photo_folder: Path, tmp_path: Path
) -> None:
    places = {"PHOTO": photo_folder / "cat.jpg", "FOLDER": photo_folder, "OUT": tmp_path / "out"}
    done = freeseg_command(*(places.get(each, each) for each in arguments))
    assert one_line(done).endswith(f'{what} needs PyTorch; run: pip install "freeseg[torch]"')
    assert written(tmp_path) == []


def test_a_mistyped_name_is_named(photo_folder: Path, tmp_path: Path) -> None:
    segmenting = freeseg_command("segment", photo_folder, "-l", "cat", "-m", "freeseg-tiny", "--out", tmp_path)
    assert "no model 'freeseg-tiny'; use a folder" in one_line(segmenting)
    assert "no model 'freeseg-tiny' here, and one of huggingface.co needs" in one_line(
        freeseg_command("models", "freeseg-tiny")
    )
