"""onnxruntime: an exported image side looks at photos on the CPU; another engine embeds the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from freeseg.engines.engine import Engine
from freeseg.errors import FreeSegError, WeightsError, reason
from freeseg.files import is_file, sha256
from freeseg.words.embedded import WordEmbeddings

MAX_CONCURRENT = 4  # photos; each needs memory of its own
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

    def __init__(self, path: Path, *, threads: int = 0, spinning: bool = True):
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

    def __call__(self, *inputs: NDArray[np.float32]) -> NDArray[np.float32]:
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


class OnnxEngine:
    """A file that `freeseg export` wrote for any words, as an `engine.Engine`.

    Args:
        path: The file.
        words: The engine that embeds the words; the file must have been exported from its model.
        threads: How many threads may work, over all photos that are looked at at once.

    Attributes:
        max_concurrent: As `engine.Engine` has it. The session's threads do not spin, since other work wants their
            processors between two photos; such threads cost more in waiting for each other than they save.

    Raises:
        WeightsError: No such file; or it is of another model, or has labels built in.
        FreeSegError: onnxruntime cannot load it.
    """

    def __init__(self, path: Path, words: Engine, *, threads: int):
        if not is_file(path):
            raise WeightsError(f"no file {path}; `freeseg export` without --labels writes one")
        self.words = words
        self.max_concurrent = min(threads, MAX_CONCURRENT)
        self.session = Session(path, threads=threads, spinning=False)
        about = self.session.metadata
        if about.get("weights_sha256") != words.weights_sha256:
            raise WeightsError(f"{path} is not of this model but of {about.get('model', 'no model')}; export this one")
        if self.session.inputs != ["pixels", "text"]:
            raise WeightsError(f"{path} has labels built in; export the model again without --labels")
        self.file_sha256 = sha256(path)

    @property
    def stride(self) -> int:
        """Pixels from one patch to the next."""
        return self.words.stride

    @property
    def weights_sha256(self) -> str:
        """Of the weights that the file was exported from."""
        return self.words.weights_sha256

    @property
    def identity(self) -> str:
        """The file, and the engine that embeds words."""
        return f"{self.file_sha256} {self.words.identity}"

    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `engine.Engine`.

        Raises:
            FreeSegError: The file does not run for pixels of this size.
        """
        photo = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)[None]
        maps: NDArray[np.float32] = self.session(photo, texts)[0]
        return maps

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """See `engine.Engine`."""
        return self.words.embed_words(words, templates)

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """See `engine.Engine`."""
        return self.words.unknown_words(words)
