"""Models: configs, checkpoints, towers, and the registry of the models that ship with FreeSeg.

What is exported here needs no torch until a model is loaded.
"""

import os

from freeseg.models.config import Config, Preprocessing, TowerPair, read_config
from freeseg.models.registry import DEFAULT, EMBEDDED, TEACHER, embedded_folder, find_model, load_model

# PyTorch's oneDNN keeps a compiled plan for each shape of photo, 1,024 of them by default. It reads this once.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")

__all__ = [
    "DEFAULT",
    "EMBEDDED",
    "TEACHER",
    "Config",
    "Preprocessing",
    "TowerPair",
    "embedded_folder",
    "find_model",
    "load_model",
    "read_config",
]
