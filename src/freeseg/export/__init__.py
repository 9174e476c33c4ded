"""ONNX: a model as files that run without PyTorch."""

from freeseg.export.exporter import Exported, export, write_words
from freeseg.export.light import ExportedLight, write_light_files
from freeseg.export.text import ExportedText, write_text_tower

__all__ = [
    "Exported",
    "ExportedLight",
    "ExportedText",
    "export",
    "write_light_files",
    "write_text_tower",
    "write_words",
]
