"""The files of a checkpoint in transformers' format: a folder with a config, weights, preprocessing and a tokenizer.

Everything a user would otherwise have to know is read from these files. Where two of them disagree, the checkpoint is
refused. Nothing in the folder is run, and reading these files needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from freeseg.bounds import Bounds, read_entry
from freeseg.errors import FreeSegError, WeightsError, reason, shortened
from freeseg.files import bytes_sha256, is_file, parse_json, sha256
from freeseg.models.config import CONFIG, MOST_SHORT_SIDE, PixelNormalisation
from freeseg.models.towers.transformer.kinds import KINDS, LONE_TOWERS

PREPROCESSING = ("preprocessor_config.json", "processor_config.json")
OPEN_CLIP = "open_clip_config.json"
RESAMPLING: dict[int, Literal["bicubic", "bilinear"]] = {
    2: "bilinear",
    3: "bicubic",
}  # pillow's numbers, as preprocessing files have them
SIDE = Annotated[int, Bounds(1, MOST_SHORT_SIDE)]
CHANNELS = 3


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
        raise WeightsError(f"{path} cannot be read ({reason(error)}); download it again") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path} is no JSON object; download it again")
    return value


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Name the file in errors about its entries.

    Raises:
        WeightsError: In place of any `FreeSegError`.
    """
    try:
        yield
    except WeightsError:
        raise
    except FreeSegError as error:
        raise WeightsError(f"{path}: {error}; download it again") from error


def model_type(folder: Path) -> str:
    """What kind of model a folder holds: a key of `KINDS`.

    Raises:
        WeightsError: It is of another kind, or holds one tower of a pair.
    """
    with in_file(folder / CONFIG):
        found: str = read_entry(read_json(folder / CONFIG), "model_type", str, "none")
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
    with in_file(path):
        raw = read_entry(raw, "image_processor", dict[str, Any], raw)
        mean, std = (tuple(map(float, read_entry(raw, key, list[float]))) for key in ("image_mean", "image_std"))
        rescales = read_entry(raw, "do_rescale", bool, True)
        factor = (
            float(read_entry(raw, "rescale_factor", Annotated[float, Bounds(above=0)], 1 / 255)) if rescales else 1.0
        )
        resample = RESAMPLING[read_entry(raw, "resample", Annotated[int, Bounds(one_of=tuple(RESAMPLING))], 3)]
        side = _side(raw, folder)
        if len(mean) != CHANNELS or len(std) != CHANNELS or min(std) <= 0:
            raise FreeSegError("it has no mean and deviation for three channels")
        normalisation = PixelNormalisation(tuple(m / factor for m in mean), tuple(s / factor for s in std))
        if not all(map(math.isfinite, (*normalisation.mean, *normalisation.std))):
            raise FreeSegError("its mean and deviation are too large")
    _check_open_clip(folder, path.name, mean, std)
    return CheckpointPixels(normalisation, side, resample)


def check_activation(folder: Path) -> None:
    """Refuse a checkpoint whose files disagree on the activation function, QuickGELU or GELU.

    Raises:
        WeightsError: The files disagree.
    """
    config, other = read_json(folder / CONFIG), folder / OPEN_CLIP
    if not other.is_file():
        return
    with in_file(other):
        quick = read_entry(read_json(other), "model_cfg.quick_gelu", bool, False)
    for tower in ("vision_config", "text_config"):
        with in_file(folder / CONFIG):
            found = read_entry(config, f"{tower}.hidden_act", str, "quick_gelu")
        if (found == "quick_gelu") != quick:
            expected = "quick_gelu" if quick else "gelu"
            raise WeightsError(
                f"{folder}: {CONFIG} has {tower} hidden_act {shortened(found)} but {OPEN_CLIP} says {expected!r}; "
                "correct the one that is wrong"
            )


def _side(raw: dict[str, Any], folder: Path) -> int:
    """Shorter side in training: the crop where there is one, else the size; NaFlex has a number of patches instead."""
    config = read_json(folder / CONFIG)
    side: int
    if "max_num_patches" in raw:
        side = math.isqrt(read_entry(raw, "max_num_patches", SIDE)) * read_entry(raw, "patch_size", SIDE)
        return side
    entry = "crop_size" if read_entry(raw, "do_center_crop", bool, False) and raw.get("crop_size") else "size"
    if isinstance(raw.get(entry), dict):
        given = [name for name, value in raw[entry].items() if value]
        side = min((read_entry(raw, f"{entry}.{name}", SIDE) for name in given), default=0)
    else:
        side = read_entry(raw, entry, SIDE)
    if not side:
        raise FreeSegError(f"its {entry} is empty")
    with in_file(folder / CONFIG):
        trained = read_entry(config, "vision_config.image_size", int, side)
    kind = KINDS.get(str(config.get("model_type")))
    if trained != side and kind and kind.knows_words:
        raise WeightsError(f"{folder}: {CONFIG} has image_size {trained} but its preprocessing has {side}; correct it")
    return side


def _check_open_clip(folder: Path, name: str, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    other = folder / OPEN_CLIP
    if not other.is_file():
        return
    says = read_json(other)
    for key, own in (("mean", mean), ("std", std)):
        with in_file(other):
            theirs = tuple(read_entry(says, f"preprocess_cfg.{key}", list[float], own))
        if any(abs(a - b) > 1e-4 for a, b in zip(own, theirs, strict=False)):
            raise WeightsError(f"{folder}: {name} and {OPEN_CLIP} disagree on the pixels' {key}; correct one")
