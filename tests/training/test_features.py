"""The cache of features: a folder for each tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from freeseg.training.features import open_features
from tiny import tiny_iclip


def test_another_tower_has_another_cache(tmp_path: Path) -> None:
    model = tiny_iclip()
    first = open_features(tmp_path, model, "one")
    second = open_features(tmp_path, model, "two")
    first.append(["0" * 64], np.zeros((1, *first.shape), np.float16))
    assert "0" * 64 not in second
