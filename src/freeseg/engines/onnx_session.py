"""An ONNX file in onnxruntime, on the CPU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from freeseg.engines.processor import int8_instructions
from freeseg.errors import FreeSegError, reason

OLDEST = (1, 23)  # older ones have no 8-bit products of words on some processors
FATAL = 4  # onnxruntime's level of logging; what is less comes as an exception as well


class Session:
    """An ONNX file, ready to run on the CPU. It can be sent to another process, which reads the file anew.

    Args:
        path: The file.
        threads: How many it may use; 0 for all cores.
        spinning: Whether its threads keep a processor busy between runs: faster, if nothing else wants it.
        fix: What to do about a file that does not load.

    Attributes:
        inputs: Their names, in order.
        metadata: What the file says of itself.

    Raises:
        FreeSegError: The file does not run here.
    """

    def __init__(self, path: Path, *, threads: int = 0, spinning: bool = True, fix: str = "export it again"):
        self._arguments: dict[str, Any] = {"path": path, "threads": threads, "spinning": spinning, "fix": fix}
        self.session = _open(path, threads, spinning, fix)
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.metadata: Mapping[str, str] = self.session.get_modelmeta().custom_metadata_map

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """The output for inputs in the order of the graph's.

        Raises:
            FreeSegError: The graph does not run for inputs of these sizes, or gives NaN or infinity.
        """
        feeds = {name: np.asarray(value) for name, value in zip(self.inputs, inputs, strict=True)}
        try:
            output: NDArray[np.float32] = self.session.run(None, feeds)[0]
        except Exception as error:
            sizes = f"{self.inputs[0]} {feeds[self.inputs[0]].shape}"
            fix = self._arguments["fix"]
            raise FreeSegError(f"onnxruntime cannot run the graph on {sizes} ({reason(error)}); {fix}") from error
        if not np.isfinite(output).all():
            name, fix = self._arguments["path"], self._arguments["fix"]
            raise FreeSegError(f"{name} gives values that are no numbers (NaN or infinite): it is damaged; {fix}")
        return output

    def width_of(self, name: str) -> int:
        """The length of an input's last axis, which is a number in the file."""
        shape = next(each.shape for each in self.session.get_inputs() if each.name == name)
        return int(shape[-1])

    def __getstate__(self) -> dict[str, Any]:
        return self._arguments

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _open(path: Path, threads: int, spinning: bool, fix: str) -> onnxruntime.InferenceSession:
    _check_version(onnxruntime.__version__)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # a plan is kept for each size of photo; without, a tenth less memory
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    if not int8_instructions():
        # An x86 processor without VNNI adds 8-bit products up in 16 bits, which overflow. This has it take 32, more
        # slowly. One with VNNI would take twice as long too, for the same numbers.
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds have no common name
        raise FreeSegError(f"onnxruntime cannot load {path.name} ({reason(error)}); {fix}") from error


def _check_version(version: str) -> None:
    """Refuse an onnxruntime before `OLDEST`."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise FreeSegError(
            f"onnxruntime {version} is too old; run: pip install --upgrade onnxruntime (at least {oldest})"
        )
