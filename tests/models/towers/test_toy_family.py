"""A family of towers is one file and one line: the toy of docs/concepts/models.md is used like any other."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import freeseg
import freeseg.cli
from documented import diffs, line_of_diff, module_of_diff
from freeseg.errors import WeightsError
from freeseg.models import TowerPair, towers

TOY = "square-colours"
PHOTOS = 6


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's file as a module, and its family in the table, where the page puts it."""
    new, table = diffs("docs/concepts/models.md").items()
    module = module_of_diff(*new)
    added = line_of_diff(*table)
    assert added == f"{module.SquareColoursFamily.__name__}(),"
    place = [line[1:] for line in table[1]].index(f"    {added}") - 1  # the first line opens the table
    with_it = (*towers.FAMILIES[:place], module.SquareColoursFamily(), *towers.FAMILIES[place:])
    monkeypatch.setattr(towers, "FAMILIES", with_it)
    return module


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    """Photos that are red or blue, with captions that say so."""
    folder = tmp_path / "captioned"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = []
    for number in range(PHOTOS):
        pixels = rng.integers(0, 90, (40, 48, 3), dtype=np.uint8)
        pixels[..., 0 if number % 2 else 2] += 160
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        lines.append(json.dumps({"file": f"{number}.png", "captions": ["a red wall" if number % 2 else "a blue sky"]}))
    (folder / "captions.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The command line in this process."""
    monkeypatch.setenv("FREESEG_CACHE", "off")

    def call(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["freeseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            freeseg.cli.main()
        assert ended.value.code in (0, None)

    return call


def test_it_is_trained_saved_loaded_and_segments(
    family: ModuleType,
    captioned: Path,
    run: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = tmp_path / "mine"
    quick = ("--batch-size", 4, "--epochs", 2, "--cache", tmp_path / "cache", "--distill", 0)
    run("pretrain", captioned, "--image-tower", TOY, "--out", mine, *quick)
    model = freeseg.load(mine)
    config = model.config
    assert config.towers == TowerPair(TOY, "all-minilm-l6-v2")
    assert config.towers_sha256[TOY] == family.SquareColoursFamily().sha256(TOY)
    assert TOY in (mine / "README.md").read_text()
    photo = captioned / "images" / "0.png"
    assert model.segment(photo, "red wall, blue sky").mask.shape == (40, 48)
    run("segment", photo, "--labels", "red wall, blue sky", "--model", mine, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "0.mask.png").is_file()
    monkeypatch.setattr(towers, "FAMILIES", [each for each in towers.FAMILIES if not each.knows(TOY)])
    with pytest.raises(
        WeightsError, match=f"was trained on image tower '{TOY}'; this version knows efficientnet-lite0"
    ):
        freeseg.load(mine)
