"""The image side of a model as an ONNX file, run by onnxruntime on the CPU; the model itself knows the words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from freeseg.errors import FreeSegError, WeightsError, reason
from freeseg.files import is_file, sha256

MOST_AT_ONCE = 4  # photos: each needs memory of its own
FATAL = 4  # onnxruntime's level of logging; what is less comes as an exception as well


class Session:
    """An ONNX file, ready to run on the CPU.

    Args:
        path: The file.
        threads: How many it may use; 0 for all cores.
        spinning: Whether its threads keep a processor busy between runs: faster, if nothing else wants it.

    Attributes:
        inputs: Their names, in order.
        metadata: What the file says of itself.

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
            raise FreeSegError(f"onnxruntime cannot load {path.name} ({reason(error)}); export it again") from error
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.metadata: Mapping[str, str] = self.session.get_modelmeta().custom_metadata_map

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


class OnnxImages:
    """What a photo says to words, by a file that `freeseg export` wrote for any words.

    Args:
        path: The file.
        weights_sha256: Of the model that it must have been exported from.

    Attributes:
        file_sha256: Of the file.
        max_concurrent: How many photos to ask about at once, each from a thread of its own, where many wait: the
            session's threads, which do not spin, cost more in waiting for each other than they save.

    Raises:
        WeightsError: No such file; or it is of another model, or has labels built in.
        FreeSegError: onnxruntime cannot load it.
    """

    def __init__(self, path: Path, weights_sha256: str):
        if not is_file(path):
            raise WeightsError(f"no file {path}; `freeseg export` without --labels writes one")
        threads = torch.get_num_threads()
        # PyTorch has work to do meanwhile: threads that spin would take its processors.
        self.session = Session(path, threads, spinning=False)
        self.max_concurrent = min(threads, MOST_AT_ONCE)
        about = self.session.metadata
        if about.get("weights_sha256") != weights_sha256:
            raise WeightsError(f"{path} is not of this model but of {about.get('model', 'no model')}; export this one")
        if self.session.inputs != ["pixels", "text"]:
            raise WeightsError(f"{path} has labels built in; export the model again without --labels")
        self.file_sha256 = sha256(path)

    def similarity_maps(self, pixels: Tensor, texts: Tensor) -> Tensor:
        """As `ICLIP.similarity_maps`.

        Raises:
            FreeSegError: The file does not run for pixels of this size.
        """
        cosines = torch.from_numpy(self.session(pixels.float(), texts))
        return cosines.contiguous(memory_format=torch.channels_last)  # PyTorch smooths those much faster
