"""Training of the teacher, a dense ICLIP, on photos with captions.

`run` does all of it in one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freeseg.training import import_on_use

if TYPE_CHECKING:
    from freeseg.training.teacher.train import run

__all__ = ["run"]
__getattr__ = import_on_use(__name__, run="train")
