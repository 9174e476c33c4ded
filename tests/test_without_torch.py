"""What an installation without PyTorch can do: all rooms but training and export, and every engine but PyTorch's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_layout import SOURCE, modules

# These may need PyTorch, transformers or huggingface_hub. Nothing else may import them before it is known that the
# model runs on PyTorch.
NEED_TORCH = (
    "decision/attention.py",
    "decision/itsm.py",
    "decision/pooling.py",
    "engines/torch_engine.py",
    "export/",
    "models/checkpoint.py",
    "models/class_attention.py",
    "models/devices.py",
    "models/hub/explain.py",
    "models/hub/pushing.py",
    "models/hub/repository.py",
    "models/iclip.py",
    "models/network.py",
    "models/towers/",
    "training/",
)
HIDDEN = """
import sys
for package in ("torch", "transformers", "tokenizers", "huggingface_hub", "accelerate"):
    sys.modules[package] = None
"""
IMPORT_ALL = """
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
# A model that finds colours, in NumPy: what is tried here is all around the engine.
LABEL_AND_EVALUATE = """
from pathlib import Path
import numpy as np
from drawn import draw_voc
from freeseg import evaluation, labelling, loading
from freeseg.data import open_sources
from freeseg.decision.maps import area_average
from freeseg.models import embedded_folder, read_config
from freeseg.pipeline import FreeSeg
from freeseg.words.embedded import WordEmbeddings
from labelled import draw_photos

class Colours:
    name, precision = "colours", "float32"
    stride, max_concurrent, weights_sha256, identity = 8, 1, "ab12", "colours"

    def embed_words(self, words, templates):
        rows = [np.random.default_rng(list(word.encode())).standard_normal(3) for word in words]
        joint = np.array([row / np.linalg.norm(row) for row in rows], np.float32)
        return WordEmbeddings(joint, joint)

    def unknown_words(self, words):
        return []

    def similarity_maps(self, pixels, texts):
        cells = area_average(pixels, tuple(-(-side // 8) for side in pixels.shape[:2])) - 0.5
        return np.einsum("nc,chw->nhw", texts, cells / np.linalg.norm(cells, axis=0)).astype(np.float32)

asked = []
model = FreeSeg(Colours(), read_config(embedded_folder("freeseg-lite")))
loading.load = lambda name, **options: asked.append(options) or model
folder = Path(sys.argv[1])
sources = open_sources(draw_photos(folder))
print(labelling.label(sources, folder / "masks", labels="cat, dog", workers=1).labelled, asked[0]["threads"])
for protocol in ("freeseg", "sclip"):  # whole photos, and windows
    root = draw_voc(folder / "voc" / protocol)
    report = evaluation.run(dataset="voc21", root=root, out=folder / protocol, protocol=protocol, workers=2)
    print(len(report.records), "onnxruntime" in report.run.versions, "torch" in report.run.versions)
"""


COMMAND = """
from freeseg.cli import main
main()
"""


def run(code: str, *arguments: object) -> str:
    """What code prints where PyTorch cannot be imported."""
    done = attempt(code, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attempt(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code where PyTorch cannot be imported."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(SOURCE.parent)])}
    command = [sys.executable, "-c", HIDDEN + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_all_other_modules_are_imported_without_it() -> None:
    paths = (path.relative_to(SOURCE) for path in modules())
    light = [path for path in paths if not path.as_posix().startswith(NEED_TORCH)]
    names = [".".join(("freeseg", *path.with_suffix("").parts)).removesuffix(".__init__") for path in light]
    assert {"freeseg.labelling", "freeseg.evaluation", "freeseg.cli.label", "freeseg.cli.evaluate"} <= set(names)
    run(IMPORT_ALL, *names)


@pytest.mark.slow
def test_label_and_evaluate_run_without_it(tmp_path: Path) -> None:
    lines = run(LABEL_AND_EVALUATE, tmp_path).splitlines()
    assert lines == ["6 1", *["3 True True"] * 2]  # torch is installed here, but was not imported


def test_models_are_listed_without_it() -> None:
    listed = run(COMMAND, "models")
    assert "freeseg-lite" in listed
    assert "openai/clip-vit-base-patch16" in listed


def test_a_model_of_the_hub_says_what_to_install() -> None:
    done = attempt(COMMAND, "models", "owner/name")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("freeseg: ")
    assert done.stderr.endswith('run: pip install "freeseg[torch]"\n')
