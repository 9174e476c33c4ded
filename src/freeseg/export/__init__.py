"""ONNX: a model as files that run without PyTorch."""

from freeseg.export.exporter import Exported, export, write_words

__all__ = ["Exported", "export", "write_words"]
