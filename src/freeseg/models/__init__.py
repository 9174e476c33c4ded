"""Models: configs, checkpoints, towers, and the registry of the models that ship with FreeSeg.

What is exported here needs no torch until a model is loaded.
"""

from freeseg.models.config import Config, Preprocessing, TowerPair, read_config
from freeseg.models.registry import DEFAULT, EMBEDDED, TEACHER, embedded_folder, find_model, load_model

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
