"""FreeSeg: segment photos by words, with a model that has never seen a mask.

>>> import freeseg
>>> sorted(freeseg.__all__)
['FreeSeg', 'FreeSegError', 'Segmentation', 'Vocabulary', 'frames', 'load', 'vocabulary']
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from freeseg import old_names

if TYPE_CHECKING:
    from freeseg.errors import FreeSegError
    from freeseg.loading import load
    from freeseg.photos.frames import frames
    from freeseg.pipeline import FreeSeg
    from freeseg.results.segmentation import Segmentation
    from freeseg.words import Vocabulary, vocabulary

    __version__: str

__all__ = ["FreeSeg", "FreeSegError", "Segmentation", "Vocabulary", "frames", "load", "vocabulary"]

# Imported on first use: `freeseg --help` must not wait for torch.
_HOME = {
    "FreeSeg": "pipeline",
    "FreeSegError": "errors",
    "Segmentation": "results.segmentation",
    "Vocabulary": "words",
    "frames": "photos.frames",
    "load": "loading",
    "vocabulary": "words",
}


old_names.install()
# Newer versions of onnxruntime give the machine an identity, keep it on the disk, and report to their maker what they
# run, from the moment that they are imported. FreeSeg works without a network and tells nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    if name == "__version__":  # read when it is asked for: to look through what is installed takes a while
        return importlib.import_module("importlib.metadata").version("freeseg")
    if name in _HOME:
        return getattr(importlib.import_module(f"freeseg.{_HOME[name]}"), name)
    if f"freeseg.{name}" in old_names.MODULES:
        return importlib.import_module(f"freeseg.{name}")
    raise AttributeError(f"module 'freeseg' has no attribute {name!r}")
