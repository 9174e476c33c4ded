"""The files of a checkpoint in transformers' format: a folder with a config, weights, preprocessing and a tokenizer.

Everything a user would otherwise have to know is read from these files. Where two of them disagree, the checkpoint is
refused. Nothing in the folder is run, and reading these files needs no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from freeseg.errors import WeightsError, shortened
from freeseg.files import bytes_sha256, is_file, parse_json, sha256
from freeseg.models.config import CONFIG, MOST_SHORT_SIDE, PixelNormalisation
from freeseg.models.towers.transformer.kinds import KINDS, LONE_TOWERS

PREPROCESSING = ("preprocessor_config.json", "processor_config.json")
OPEN_CLIP = "open_clip_config.json"
RESAMPLING: dict[int, Literal["bicubic", "bilinear"]] = {
    2: "bilinear",
    3: "bicubic",
}  # pillow's numbers, as preprocessing files have them


@dataclass(frozen=True)
class CheckpointPixels:
    """How a checkpoint's training photos were prepared.

    Attributes:
        normalisation: How pixels become the image tower's input.
        side: Pixels on the shorter side.
        resample: "bicubic" or "bilinear".
    """

    normalisation: PixelNormalisation
    side: int
    resample: Literal["bicubic", "bilinear"]


def is_transformer(folder: Path) -> bool:
    """Whether a folder's config.json is in transformers' format, and not in FreeSeg's own."""
    return is_file(folder / CONFIG) and "model_type" in read_json(folder / CONFIG)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        WeightsError: The file is missing, or holds no JSON object.
    """
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path.parent} has no {path.name}; copy the whole checkpoint") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); download it again") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path} is no JSON object; download it again")
    return value


def model_type(folder: Path) -> str:
    """What kind of model a folder holds: a key of `KINDS`.

    Raises:
        WeightsError: It is of another kind, or holds one tower of a pair.
    """
    found = str(read_json(folder / CONFIG).get("model_type", "none"))
    if found in LONE_TOWERS:
        raise WeightsError(f"{folder} holds {LONE_TOWERS[found]} ({found}); use the checkpoint that has both towers")
    if found not in KINDS:
        raise WeightsError(f"{folder} holds a model of type {shortened(found)}; FreeSeg reads: {', '.join(KINDS)}")
    return found


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights: safetensors where there are any, else pickles, which are read as tensors only.

    Raises:
        WeightsError: There are none, or one of several is missing.
    """
    from freeseg.models.hub import required_files  # here, as the rest of this file needs nothing of the hub

    names = required_files([path.name for path in folder.iterdir()], str(folder))
    return [folder / name for name in names if name.endswith((".safetensors", ".bin"))]


def weights_sha256(folder: Path) -> str:
    """The sha256 of a checkpoint's weights; where they are in several files, the sha256 of these files' sha256."""
    digests = [sha256(path) for path in weight_files(folder)]
    return digests[0] if len(digests) == 1 else bytes_sha256("".join(digests).encode())


def read_pixels(folder: Path) -> CheckpointPixels:
    """How a checkpoint's training photos were prepared.

    Raises:
        WeightsError: The preprocessing file is missing, lacks a number, or contradicts another file.
    """
    path = next((folder / name for name in PREPROCESSING if (folder / name).is_file()), folder / PREPROCESSING[0])
    raw = read_json(path)
    raw = raw.get("image_processor", raw)
    try:
        mean, std = (tuple(float(value) for value in raw[key]) for key in ("image_mean", "image_std"))
        factor = float(raw.get("rescale_factor", 1 / 255)) if raw.get("do_rescale", True) else 1.0
        resample = RESAMPLING[int(raw.get("resample", 3))]
        side = _side(raw, folder)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        cause = shortened(error)
        raise WeightsError(f"{path} does not say how pixels are prepared ({cause}); download it again") from error
    numbers = (*mean, *std, factor)
    if len(mean) != 3 or len(std) != 3 or not all(map(math.isfinite, numbers)) or min(*std, factor) <= 0:
        raise WeightsError(f"{path} has no mean and deviation for three channels; download it again")
    if not 1 <= side <= MOST_SHORT_SIDE:
        raise WeightsError(
            f"{path} has a size of {shortened(side)} pixels, not 1 to {MOST_SHORT_SIDE}; download it again"
        )
    _check_open_clip(folder, path.name, mean, std)
    normalisation = PixelNormalisation(tuple(m / factor for m in mean), tuple(s / factor for s in std))
    return CheckpointPixels(normalisation, side, resample)


def check_activation(folder: Path) -> None:
    """Refuse a checkpoint whose files disagree on the activation function, QuickGELU or GELU.

    Raises:
        WeightsError: The files disagree.
    """
    config, other = read_json(folder / CONFIG), folder / OPEN_CLIP
    if not other.is_file():
        return
    quick = bool(read_json(other).get("model_cfg", {}).get("quick_gelu", False))
    for tower in ("vision_config", "text_config"):
        found = config.get(tower, {}).get("hidden_act", "quick_gelu")
        if (found == "quick_gelu") != quick:
            expected = "quick_gelu" if quick else "gelu"
            raise WeightsError(
                f"{folder}: {CONFIG} has {tower} hidden_act {shortened(found)} but {OPEN_CLIP} says {expected!r}; "
                "correct the one that is wrong"
            )


def _side(raw: dict[str, Any], folder: Path) -> int:
    """Shorter side in training: the crop where there is one, else the size; NaFlex has a number of patches instead."""
    config = read_json(folder / CONFIG)
    if "max_num_patches" in raw:
        return int(int(raw["max_num_patches"]) ** 0.5) * int(raw["patch_size"])
    size = raw["crop_size"] if raw.get("do_center_crop") and raw.get("crop_size") else raw["size"]
    values = size.values() if isinstance(size, dict) else [size]
    side = int(min(value for value in values if value))
    trained = config.get("vision_config", {}).get("image_size", side)
    kind = KINDS.get(str(config.get("model_type")))
    if trained != side and kind and kind.knows_words:
        raise WeightsError(f"{folder}: {CONFIG} has image_size {trained} but its preprocessing has {side}; correct it")
    return side


def _check_open_clip(folder: Path, name: str, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    other = folder / OPEN_CLIP
    if not other.is_file():
        return
    says = read_json(other).get("preprocess_cfg", {})
    for key, own in (("mean", mean), ("std", std)):
        theirs = tuple(says.get(key, own))
        if any(abs(a - b) > 1e-4 for a, b in zip(own, theirs, strict=False)):
            raise WeightsError(f"{folder}: {name} and {OPEN_CLIP} disagree on the pixels' {key}; correct one")
