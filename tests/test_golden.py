"""What the models said, in PyTorch, when this file was written. A change of the code's shape changes none of it.

The values in `tests/golden` are those of the models that ship. `python tests/test_golden.py` writes them anew: do that
only when a change of the numbers is wanted, and say in the change log which and why.

Only the public surface is used here, so that the file itself can stay as it is while everything behind it moves.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

import freeseg
from tiny_transformers import save_clip

FOLDER = Path(__file__).parent / "golden"
MODELS = ("freeseg-lite", "freeseg-lite-iclip")
LABELS = {
    "chelsea": "cat, dog, sofa|couch",
    "camera": "person|man, camera, grass|field, sky|cloud",
    "astronaut": "person|woman, flag, cat",
    "rocket": "rocket|missile|space shuttle, sky|cloud, tree",
    "china": "temple|palace|building, tree|leaves|bushes, sky|cloud, person",
    "flower": "flower, leaf|leaves, butterfly",
}
CAPTIONS = {"chelsea": ["A cat looks at you."], "astronaut": ["A woman before a flag."], "camera": []}
SAME_PIXELS = 0.999  # share of the pixels that must have the same label: another processor rounds otherwise
CLOSE = 0.01  # how far a confidence, an area or a cosine may be away
SMALL = 16  # confidences are kept at every so many pixels
PICTURED = (96, 128)  # height and width of what exported files are run on


def photo(name: str) -> Image.Image:
    """One of the demo's photos."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = load_sample_image(f"{name}.jpg") if name in ("china", "flower") else getattr(skimage.data, name)()
    return Image.fromarray(np.asarray(pixels)).convert("RGB")


def command(*arguments: object) -> None:
    """Run the command line; it must succeed."""
    subprocess.run([sys.executable, "-m", "freeseg", *map(str, arguments)], check=True, capture_output=True)


@cache
def loaded(model: str) -> Any:
    """An embedded model, read once."""
    return freeseg.load(model, engine="torch")


# What is measured: each function gives plain values, which JSON holds.


def segmented(model: Any, name: str, folder: Path) -> dict[str, Any]:
    """A photo's result as its files say it; the mask goes to a PNG of its own."""
    result = model.segment(photo(name), freeseg.Vocabulary.of(LABELS[name], everyday_words=False))
    overlay, mask, described = result.save(folder, name)
    said = json.loads(described.read_text())
    for label in said["labels"]:
        del label["rle"]  # it is the mask, which is compared pixel by pixel
    with Image.open(overlay) as drawn, Image.open(mask) as written:
        sizes = [drawn.size, written.size, written.mode]
    small = result.confidence[SMALL // 2 :: SMALL, SMALL // 2 :: SMALL]
    return {
        "files": [path.name for path in (overlay, mask, described)],
        "sizes": json.loads(json.dumps(sizes)),
        "said": said,
        "confidence": small.round(3).tolist(),
        "candidates": list(result.candidates),
    }


def tiny_clip(folder: Path) -> dict[str, Any]:
    """A tiny CLIP's mask, maps and confidences; its weights are drawn from a seed."""
    model = freeseg.load(save_clip(folder / "clip"), engine="torch")
    picture = photo("chelsea").resize((90, 60))
    result = model.segment(picture, "cat, dog, photo", background=False)
    maps = model.similarity(picture, "cat, dog", size=(6, 9))
    return {
        "mask": result.mask[::4, ::4].tolist(),
        "confidence": result.confidence[::6, ::6].round(3).tolist(),
        "maps": maps.round(4).tolist(),
    }


def exported(folder: Path) -> dict[str, Any]:
    """ONNX files of the network for given labels and for any words: what they say of themselves, and what they give."""
    command("export", "--labels", "cat, sofa|couch, grass", "--out", folder)
    command("export", "--words", "cat, sofa|couch", "--out", folder)
    y, x = np.mgrid[: PICTURED[0], : PICTURED[1]]
    pixels = np.stack([127 + 100 * np.sin(x / 9), 127 + 100 * np.cos(y / 7), (x + y) % 255])[None].astype(np.float32)
    words = np.load(folder / "freeseg-lite.words.npy")
    found: dict[str, Any] = {"files": sorted(path.name for path in folder.iterdir()), "words": words[:, :8].tolist()}
    for stem, inputs in (("freeseg-lite", [pixels]), ("freeseg-lite-open", [pixels, words])):
        session = onnxruntime.InferenceSession(folder / f"{stem}.onnx", providers=["CPUExecutionProvider"])
        described = json.loads((folder / f"{stem}.json").read_text())
        del described["freeseg_version"]
        names = [each.name for each in session.get_inputs()]
        output = session.run(None, dict(zip(names, inputs, strict=True)))[0]
        found[stem] = {
            "described": described,
            "inputs": names,
            "outputs": [each.name for each in session.get_outputs()],
            "shape": list(output.shape),
            "values": output[0, :, ::4, ::4].round(3).tolist(),
        }
    return found


def labelled(folder: Path) -> dict[str, Any]:
    """Free masks of photos with and without captions: settings, manifest and COCO file."""
    source = folder / "photos"
    (source / "images").mkdir(parents=True)
    lines = []
    for name, captions in CAPTIONS.items():
        photo(name).resize((192, 144)).save(source / "images" / f"{name}.png")
        lines.append(json.dumps({"file": f"{name}.png", "captions": captions}))
    (source / "captions.jsonl").write_text("\n".join(lines))
    masks = folder / "masks"
    words = "cat, person|man|woman, flag, grass"
    command("label", source, "--labels", words, "--out", masks, "--workers", 1, "--format", "coco", "--engine", "torch")
    settings = json.loads((masks / "labels.json").read_text())
    entries = [json.loads(line) for line in (masks / "manifest.jsonl").read_text().splitlines()]
    for part in (settings, *entries):
        del part["version"]
    for entry in entries:
        del entry["sha256"]  # of the photo's file, which another Pillow writes otherwise
    coco = json.loads((masks / "coco.json").read_text())
    for annotation in coco["annotations"]:
        del annotation["segmentation"], annotation["bbox"]
    files = sorted(path.relative_to(masks).as_posix() for path in masks.rglob("*") if path.is_file())
    return {"files": files, "settings": settings, "entries": entries, "coco": coco}


# How it is compared.


def differences(found: Any, kept: Any, where: str = "") -> list[str]:
    """Where two values are not the same: numbers may be `CLOSE`, everything else must be equal."""
    if isinstance(kept, dict) and isinstance(found, dict):
        if list(found) != list(kept):
            return [f"{where}: {list(found)} instead of {list(kept)}"]
        return [line for key in kept for line in differences(found[key], kept[key], f"{where}.{key}")]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        pairs = enumerate(zip(found, kept, strict=True))
        return [line for place, (one, other) in pairs for line in differences(one, other, f"{where}[{place}]")]
    if isinstance(kept, int | float) and isinstance(found, int | float) and not isinstance(kept, bool):
        # Pixels are counted in thousands and logits go to -10000: what is large may differ by as large a share.
        return [] if math.isclose(found, kept, rel_tol=CLOSE, abs_tol=CLOSE) else [f"{where}: {found}, not {kept}"]
    return [] if found == kept else [f"{where}: {found!r}, not {kept!r}"]


def kept(name: str) -> Any:
    """What was kept under a name."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def mask_of(path: Path) -> NDArray[np.uint8]:
    """A mask's values."""
    with Image.open(path) as image:
        return np.array(image)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", LABELS)
def test_a_photo_is_segmented_as_before(model: str, name: str, tmp_path: Path) -> None:
    found = segmented(loaded(model), name, tmp_path)
    assert differences(found, kept(f"{model}-{name}")) == []
    same = mask_of(tmp_path / f"{name}.mask.png") == mask_of(FOLDER / f"{model}-{name}.png")
    assert same.mean() >= SAME_PIXELS


def test_a_tiny_clip_answers_as_before(tmp_path: Path) -> None:
    assert differences(tiny_clip(tmp_path), kept("tiny-clip")) == []


def test_exported_files_are_as_before(tmp_path: Path) -> None:
    assert differences(exported(tmp_path), kept("exported")) == []


def test_free_masks_are_as_before(tmp_path: Path) -> None:
    assert differences(labelled(tmp_path), kept("labelled")) == []


def write(folder: Path) -> None:
    """Keep what is found now."""

    def keep(name: str, value: Any) -> None:
        (FOLDER / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")

    for model in MODELS:
        for name in LABELS:
            keep(f"{model}-{name}", segmented(loaded(model), name, folder / model))
            (FOLDER / f"{model}-{name}.png").write_bytes((folder / model / f"{name}.mask.png").read_bytes())
    for name, measured in (("tiny-clip", tiny_clip), ("exported", exported), ("labelled", labelled)):
        (folder / name).mkdir()
        keep(name, measured(folder / name))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        write(Path(temporary))
