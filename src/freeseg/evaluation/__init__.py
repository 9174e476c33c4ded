"""Measuring models on photos with masks: metrics with intervals, reports, comparisons.

    report = freeseg.evaluation.run("freeseg-lite", dataset="voc21", root="VOC2012", out="report")
    report.numbers()["mIoU"]

`run` is what `freeseg evaluate` does, and `compare` what `freeseg compare` does. `evaluate` measures a model that is
loaded already, and writes nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freeseg.evaluation.report.compare import compare
    from freeseg.evaluation.report.report import Report
    from freeseg.evaluation.runner import evaluate, run

__all__ = ["Report", "compare", "evaluate", "run"]

# Imported on first use: training uses the metrics without what reports need.
_HOME = {"Report": "report.report", "compare": "report.compare", "evaluate": "runner", "run": "runner"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"freeseg.evaluation.{_HOME[name]}"), name)
    raise AttributeError(f"module 'freeseg.evaluation' has no attribute {name!r}")
