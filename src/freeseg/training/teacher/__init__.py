"""Training of the teacher, a dense ICLIP, on photos with captions.

`run` does all of it in one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freeseg.training.teacher.train import run

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    if name == "run":  # imported on first use: the recipe alone must not wait for torch
        from freeseg.training.teacher.train import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
