"""The paper's experiment, from captions to the table, on tiny towers with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captioned import write_jsonl
from freeseg.errors import FreeSegError
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.teacher.recipe import TeacherRecipe
from tiny_transformers import save_clip, save_dino
from trees import Tree

PHOTOS = 6


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Captioned photos, towers, and VOC with two photos."""
    root = tmp_path_factory.mktemp("paper")
    save_clip(root / "clip")
    save_dino(root / "dino")
    names = [f"{number}.jpg" for number in range(PHOTOS)]
    words = ["a cat", "a dog on the grass"]
    write_jsonl(root / "captioned", [{"file": name, "captions": words} for name in names], names)
    rng, tree = np.random.default_rng(0), Tree(root / "voc")
    for name in "ab":
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tree(f"JPEGImages/{name}.jpg"))
        tree.mask(f"SegmentationClass/{name}.png", rng.integers(0, 21, (40, 50)))
    return root


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, which is none of FreeSeg's own."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "experiments")
    import paper.__main__

    for name in ("context60", "context59", "coco-object", "coco-stuff164k"):
        assert name in paper.settings.DATASETS
    monkeypatch.delitem(paper.settings.DATASETS, "voc20")
    monkeypatch.setattr(paper.plan, "MODES", ("sclip",))
    return paper


@pytest.fixture
def settings(paper: Any, root: Path) -> Any:
    """A run of seconds: one tower, one data set."""
    made = paper.settings
    return made.Settings(
        (str(root / "captioned"),),
        (root / "captioned",),
        root / "out",
        {"voc": root / "voc"},
        towers=(made.Tower(str(root / "clip"), str(root / "dino")),),
        cache=root / "cache",
        labels="cat, dog",
        teacher=TeacherRecipe(epochs=1, batch_size=2),
        network=NetworkRecipe(epochs=1, batch_size=2, side=32),
        encoder="segmentation-lite0",
        setting="plain",
        protocol="freeseg",
        workers=1,
    )


@pytest.mark.slow
def test_from_captions_to_the_table(
    paper: Any, settings: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for table, left_out in (("POOLINGS", ["mean"]), ("STRATEGIES", ["partial labels", "partial pixels"])):
        whole = getattr(paper.settings, table)
        monkeypatch.setattr(paper.plan, table, {name: whole[name] for name in whole if name not in left_out})
    stages = paper.plan.plan(settings)
    # Two teachers, the masks, two networks; a mode of the tower and these four models, measured.
    assert len(stages) == (2 + 1 + 2) + (1 + 4)
    paper.__main__.run(settings)
    assert capsys.readouterr().out.count("done before") == 0
    text = (settings.out / "results.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| network of clip+dino, both |"))
    voc21, *others, rules = [cell.strip() for cell in row.split("|")[2:-1]]
    assert others == ["-"] * 4  # data sets that are not there
    assert rules == "freeseg, plain"
    report = json.loads((settings.out / "reports" / "network-of-clip+dino-both--voc21" / "report.json").read_text())
    outcome = json.loads((settings.out / "stages" / "network-of-clip+dino-both--voc21.json").read_text())["outcome"]
    assert voc21 == f"{outcome['mIoU']:.1f}"
    assert report["run"]["model"] == "both"
    assert "| SCLIP, ViT-B/16 | 59.6 | 31.7 | 34.5 | 33.5 | 22.8 | sclip |" in text
    assert "| TCL | - | - | - | - | - | tcl |" in text
    weights = {path: path.read_bytes() for path in settings.out.rglob("model.safetensors")}
    assert len(weights) == 2 + 2

    paper.__main__.run(settings)  # again, everything is there
    assert capsys.readouterr().out.count("done before") == len(stages)
    assert (settings.out / "results.md").read_text() == text

    for path in (settings.out / "stages").glob("network-clip*both*"):  # an outcome is lost
        path.unlink()
    paper.__main__.run(settings)
    assert capsys.readouterr().out.count("done before") == len(stages) - 1
    assert {path: path.read_bytes() for path in weights} == weights

    with pytest.raises(FreeSegError, match=r"was done with other settings \(recipe\); choose another --out"):
        paper.__main__.run(replace(settings, teacher=TeacherRecipe(epochs=2, batch_size=2)))


def test_what_is_compared(paper: Any, settings: Any) -> None:
    (clip,) = settings.towers
    recipes = {name: paper.plan.teacher_recipe(settings, clip, name) for name in paper.settings.POOLINGS}
    assert {name: (each.pooling, each.where, each.attention) for name, each in recipes.items()} == {
        "mean": ("mean", "features", "none"),
        "masked max (ICLIP)": ("masked-max", "features", "class"),
        "smoothed min (FreeSeg)": ("smoothed-min", "similarities", "class"),
    }
    assert paper.plan.teacher_recipe(settings, clip._replace(attention=""), "masked max (ICLIP)").attention == "auto"
    networks = {name: paper.plan.network_recipe(settings, name) for name in paper.settings.STRATEGIES}
    assert {name: (each.partial_labels, each.partial_pixels) for name, each in networks.items()} == {
        "neither": (False, False),
        "partial labels": (True, False),
        "partial pixels": (False, True),
        "both": (True, True),
    }


def test_a_dry_run_writes_nothing(
    paper: Any, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], called: Callable[..., None]
) -> None:
    called("--dry-run", "--out", tmp_path / "out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "to do train an ICLIP on clip+dino, mean"
    assert lines[-1] == "to do measure network of clip+dino, both on voc21"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_it_costs(
    paper: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], called: Callable[..., None], monkeypatch: Any
) -> None:
    def looked_at(measured: Any, work: Callable[[], object]) -> float:
        work()
        return 3600.0

    monkeypatch.setattr(paper.cost.Measured, "_seconds", looked_at)
    called("--cost", "--out", tmp_path / "out", "--limit", 1)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("clip+dino: image tower 0.")
    photos = {line.split(":")[0]: line.split(": ")[1].split(" ")[0] for line in said[1:-2]}
    assert list(photos.values()) == ["12", "6", "48", "6", "4", "4"]
    # Features and attention come in batches of 16, crops in batches of 2; of six photos, four are labelled at once.
    hours = 12 / 16 + 6 / 16 + 48 / 2 + 6 / 4 + 4 + 4
    assert said[-2] == f"in all about {hours:.1f} hours on this machine, on cpu, with one process"
    assert not (tmp_path / "out").exists()


@pytest.fixture
def called(paper: Any, root: Path) -> Callable[..., None]:
    """The command with a tower and VOC, and more options."""
    import typer

    app = typer.Typer()
    app.command()(paper.__main__.main)
    given = ["--captions", root / "captioned", "--images", root / "captioned", "--voc", root / "voc", "--labels", "cat"]
    given += ["--tower", f"{root / 'clip'}={root / 'dino'}", "--encoder", "segmentation-lite0", "--setting", "plain"]
    given += ["--protocol", "freeseg", "--side", 32, "--network-batch-size", 2]
    return lambda *more: app([*map(str, given), *map(str, more)], standalone_mode=False)
