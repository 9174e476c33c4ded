"""The image side of a model from an ONNX file: onnxruntime looks at the photos, the model itself knows the words."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from freeseg.errors import FreeSegError, WeightsError
from freeseg.export import metadata
from freeseg.export.runtime import Session
from freeseg.files import sha256
from freeseg.pipeline import FreeSeg


class OnnxImages:
    """Cosines of photos and words by onnxruntime, on the CPU; a `pipeline.Images`.

    Args:
        path: A file for any words, as `freeseg export` writes it without labels.

    Attributes:
        file_sha256: Of the file.

    Raises:
        FreeSegError: onnxruntime cannot load the file.
    """

    def __init__(self, path: Path):
        # PyTorch has work to do between two photos: threads that spin would take its processors.
        self.session = Session(path, torch.get_num_threads(), spinning=False)
        self.file_sha256 = sha256(path)

    def answer(self, pixels: Tensor, texts: Tensor, attend: bool = False) -> tuple[Tensor, Tensor | None]:
        """As `ICLIP.answer`; there is no free attention in the file.

        Raises:
            FreeSegError: The file does not run for pixels of this size, or attention is wanted.
        """
        if attend:
            raise FreeSegError("an ONNX file has no free attention, which this decision rule asks for; leave it out")
        return torch.from_numpy(self.session(pixels.float(), texts)), None


def open_images(path: Path, model: FreeSeg) -> OnnxImages:
    """The image side of a model, from a file that was exported from it.

    Args:
        path: The file.
        model: The model, on the CPU and in float32.

    Raises:
        WeightsError: The file was exported from another model, or with labels, or by something else.
        FreeSegError: It cannot be used with a model like this, or does not run here.
    """
    if model.device.type != "cpu" or model.model.precision != torch.float32:
        raise FreeSegError("an ONNX file runs on the CPU at its own precision; leave --device and --precision out")
    if not path.is_file():
        raise WeightsError(f"no file {path}; `freeseg export` without --labels writes one")
    about = metadata.read(path)
    if about["weights_sha256"] != metadata.weights_sha256(model):
        raise WeightsError(f"{path} is not of this model but of another, {about['model']}; export this one")
    if about["labels"] is not None:
        raise WeightsError(f"{path} has labels built in; export the model again without --labels")
    return OnnxImages(path)
