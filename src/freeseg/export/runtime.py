"""Running an ONNX file beside the graph in PyTorch that it was made from, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from freeseg.errors import FreeSegError
from freeseg.export.graph import Graph
from freeseg.export.writing import reason

FATAL = 4  # onnxruntime's level of logging; what is less comes as an exception as well


class Session:
    """An ONNX file, ready to run on the CPU.

    Args:
        path: The file.
        threads: How many it may use; 0 for all cores.
        spinning: Whether its threads keep a processor busy between runs: faster, if nothing else wants it.

    Raises:
        FreeSegError: The file does not run here.
    """

    def __init__(self, path: Path, threads: int = 0, spinning: bool = True):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own kinds have no common name
            raise FreeSegError(f"onnxruntime cannot load the graph ({reason(error)}); export another model") from error
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map

    def __call__(self, *inputs: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for inputs in the order of the graph's.

        Raises:
            FreeSegError: The graph does not run for inputs of these sizes.
        """
        feeds = {name: np.asarray(value) for name, value in zip(self.inputs, inputs, strict=True)}
        try:
            output: NDArray[np.float32] = self.session.run(None, feeds)[0]
        except Exception as error:
            raise FreeSegError(
                f"onnxruntime cannot run the graph on pixels {feeds['pixels'].shape} ({reason(error)}); "
                "export another model"
            ) from error
        return output


@torch.no_grad()
def difference(graph: Graph, session: Session, others: tuple[Tensor, ...], short_side: int, stride: int) -> float:
    """The largest difference of any output between PyTorch and onnxruntime, on photos of two sizes.

    One photo at the model's own size, and two different ones of a few patches, whose sides are no multiples of one.

    Args:
        graph: In PyTorch.
        session: The same, exported.
        others: Inputs after the pixels.
        short_side: Of photos, as the model wants them.
        stride: Pixels a patch.

    Returns:
        The difference; infinite if the outputs are not of one shape.

    Raises:
        FreeSegError: The exported graph does not run.
    """
    found = 0.0
    for batch, height, width in ((1, short_side, short_side * 4 // 3), (2, 5 * stride + 1, 3 * stride - 1)):
        pixels = blurred_noise(batch, height, width)
        expected = graph(pixels, *others).numpy()
        output = session(pixels, *others)
        if output.shape != expected.shape:
            return float("inf")
        found = max(found, float(np.abs(output - expected).max()))
    return found


def agreement(graph: Graph, session: Session, inputs: Sequence[tuple[Tensor, ...]]) -> float:
    """The share of patches, in [0, 1], for which PyTorch and onnxruntime choose the same of the words."""
    with torch.no_grad():
        same = [graph(*each).numpy().argmax(axis=1) == session(*each).argmax(axis=1) for each in inputs]
    return float(np.concatenate([each.ravel() for each in same]).mean())


def blurred_noise(batch: int, height: int, width: int) -> Tensor:
    """Pictures (B, 3, height, width) float32 in 0..255 that have something to see everywhere, always the same ones."""
    noise = torch.rand(batch, 3, -(-height // 12), -(-width // 12), generator=torch.Generator().manual_seed(0))
    return 255 * F.interpolate(noise, (height, width), mode="bilinear")
