"""The names of modules in version 0.1.0. They go on working until the next release, with a warning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MODULES = {
    "freeseg.ahead": "freeseg.prefetch",
    "freeseg.attention": "freeseg.decision.attention",
    "freeseg.drawing": "freeseg.results.drawing",
    "freeseg.images": "freeseg.photos",
    "freeseg.itsm": "freeseg.decision.itsm",
    "freeseg.masks": "freeseg.decision.masks",
    "freeseg.pooling": "freeseg.decision.pooling",
    "freeseg.refine": "freeseg.decision.refinement",
    "freeseg.rle": "freeseg.results.rle",
    "freeseg.saving": "freeseg.results.saving",
    "freeseg.segmentation": "freeseg.results.segmentation",
    "freeseg.vocabularies": "freeseg.words",
}


class _OldNames(MetaPathFinder, Loader):
    """Finds a module by its old name: a module that takes everything from the new one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        new = MODULES[module.__name__]
        warnings.warn(f"{module.__name__} is called {new} now", DeprecationWarning, stacklevel=2)
        renamed = importlib.import_module(new)
        module.__doc__ = renamed.__doc__
        module.__dict__["__getattr__"] = lambda name: getattr(renamed, name)


def install() -> None:
    """Let the old names be imported."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
