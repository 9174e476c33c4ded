"""The example runs where there is neither PyTorch nor FreeSeg, and draws the mask that the library draws."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from exports import PHOTO_LABELS
from freeseg.export import Exported
from freeseg.pipeline import FreeSeg

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_segment.py"
WITHOUT_TORCH = """
import runpy, sys
sys.modules["torch"] = sys.modules["freeseg"] = None  # importing them fails
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_mask_without_torch(with_torch: FreeSeg, shipped: Exported, photo_folder: Path, tmp_path: Path):
    photo, mask = photo_folder / "cat.jpg", tmp_path / "mask.png"
    command = [sys.executable, "-c", WITHOUT_TORCH, EXAMPLE, shipped.path, photo, mask]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cat: " in done.stdout
    decision = replace(with_torch.config.decision, refine_steps=0)
    expected = with_torch.with_config(replace(with_torch.config, decision=decision)).segment(photo, PHOTO_LABELS)
    drawn = Image.open(mask)
    assert drawn.mode == "P"
    assert (np.asarray(drawn) == expected.mask).mean() > 0.999
