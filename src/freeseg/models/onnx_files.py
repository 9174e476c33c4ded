"""The files with which a model runs without PyTorch ("light files"): their names, and the `onnx.json` that lists them.

A model's folder holds its image side (`image.onnx`, and `image.int8.onnx` in 8 bits) and the embeddings of its
background words. The folder of a text tower holds the tower and its tokenizer. `onnx.json` says which weights they were
made from and the sha256 of each, which is checked before a file is used. Reading needs neither torch nor onnxruntime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from freeseg.bounds import Bounds, check_fields, check_value
from freeseg.errors import FreeSegError, WeightsError, reason
from freeseg.files import is_file, parse_json
from freeseg.models.config import WEIGHTS
from freeseg.models.packaged_weights import check_sha256

DESCRIPTION = "onnx.json"
FORMAT = "freeseg-onnx-1"
IMAGE = "image.onnx"  # inputs "pixels" and "text", output "itsm"; some of its weights stand in model.safetensors
IMAGE_INT8 = "image.int8.onnx"
WORDS = "words.safetensors"  # tensors "joint" and "tower"; metadata "words" and "templates"
TEXT = "text.onnx"  # inputs "input_ids" and "attention_mask", output "embedding"
TOKENIZER = "tokenizer.json"
FIX = "install FreeSeg again, or export the model again"


@dataclass(frozen=True)
class OnnxFile:
    """What `onnx.json` says of a file.

    Attributes:
        sha256: 64 hex digits.
        precision: "float32" or "int8" for what an image side computes in; "" for other files.
    """

    sha256: str
    precision: str = ""


@dataclass(frozen=True)
class OnnxFiles:
    """What `onnx.json` says.

    Attributes:
        folder: The folder that it is in.
        channels: Width of the embeddings.
        files: Name -> file.
        weights_sha256: Of the model's trained tensors, from which the files of an image side were made; "" for those
            of a text tower.
        tower_sha256: Of the weights from which a text tower's file was made; "" for the files of an image side.
        stride: Pixels from one patch to the next; 0 for a text tower.
        made: How the files were made and what was measured of them, for people to read.
    """

    folder: Path
    channels: Annotated[int, Bounds(1, 1_000_000)]
    files: Mapping[str, OnnxFile]
    weights_sha256: str = ""
    tower_sha256: str = ""
    stride: Annotated[int, Bounds(0, 1_024)] = 0
    made: Mapping[str, Any] | None = None

    def path(self, name: str) -> Path:
        """The path of a file, after its sha256 was checked.

        `image.onnx` reads some of its weights from `model.safetensors` beside it, which is then checked as well.

        Raises:
            WeightsError: There is no such file here, or it was altered or cut short.
        """
        if name not in self.files:
            raise WeightsError(f"{self.folder / DESCRIPTION} lists no {name}; {FIX}")
        self._check(name, self.files[name].sha256)
        if name == IMAGE:
            self._check(WEIGHTS, self.weights_sha256)
        return self.folder / name

    def _check(self, name: str, sha256: str) -> None:
        path = self.folder / name
        if not is_file(path):
            raise WeightsError(f"{path} is missing; {FIX}")
        check_sha256(path, sha256, fix=FIX)

    def to_json(self) -> dict[str, Any]:
        """The entries of `onnx.json`, in the order in which they are written."""
        of = {"weights_sha256": self.weights_sha256, "tower_sha256": self.tower_sha256, "stride": self.stride}
        files = {
            name: {"sha256": each.sha256, **({"precision": each.precision} if each.precision else {})}
            for name, each in self.files.items()
        }
        made = dict(self.made or {})
        return {
            "format": FORMAT,
            **{key: value for key, value in of.items() if value},
            "channels": self.channels,
            "files": files,
            "made": made,
        }


def has_onnx_files(folder: Path) -> bool:
    """Whether a folder has files to run without PyTorch."""
    return is_file(folder / DESCRIPTION)


def read_onnx_files(folder: Path, *, weights_sha256: str = "", tower_sha256: str = "") -> OnnxFiles:
    """What the `onnx.json` of a folder says.

    Args:
        folder: A model's folder, or that of a text tower.
        weights_sha256: What the trained tensors of the model must have, as its config says: a model that was trained
            anew has other files. "" for a text tower.
        tower_sha256: What the weights of the text tower must have. "" for a model.

    Raises:
        WeightsError: There is none, it is incomplete or of another format, or its files were made from other weights.
    """
    path = folder / DESCRIPTION
    if not has_onnx_files(folder):
        raise WeightsError(f"{folder} has no files to run without PyTorch (no {DESCRIPTION}); {FIX}")
    try:
        raw = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({reason(error)}); {FIX}") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise WeightsError(f"{path} is not of format {FORMAT}; update freeseg or export the model again")
    try:
        found = _from_json(folder, raw)
    except KeyError as error:
        raise WeightsError(f"{path} is incomplete (it lacks {error}); {FIX}") from error
    except FreeSegError as error:
        raise WeightsError(f"{path}: {error}; {FIX}") from error
    if (found.weights_sha256, found.tower_sha256) != (weights_sha256, tower_sha256):
        raise WeightsError(f"the ONNX files in {folder} were made from other weights; export the model again")
    return found


def text_tower_folder(tower: str) -> Path | None:
    """The folder inside the package with the files of a text tower; None where FreeSeg ships none for it.

    Args:
        tower: The tower's name, as a config has it.
    """
    if Path(tower).name != tower:  # a folder of the user's own, or a name on the hub
        return None
    folder = Path(str(resources.files("freeseg").joinpath("weights", tower)))
    return folder if has_onnx_files(folder) and is_file(folder / TEXT) else None


def _from_json(folder: Path, raw: Mapping[str, Any]) -> OnnxFiles:
    check_value("files", raw["files"], dict[str, dict[str, str]])
    files = {name: OnnxFile(each["sha256"], each.get("precision", "")) for name, each in raw["files"].items()}
    texts = {name: raw.get(name, "") for name in ("weights_sha256", "tower_sha256")}
    found = OnnxFiles(folder, raw["channels"], files, **texts, stride=raw.get("stride", 0), made=raw.get("made", {}))
    check_fields(found)
    return found
