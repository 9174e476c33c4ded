"""Training of the segmentation network on free masks: partial labels, partial pixels.

`run` does all of it in one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freeseg.training import import_on_use

if TYPE_CHECKING:
    from freeseg.training.network.train import run

__all__ = ["run"]
__getattr__ = import_on_use(__name__, run="train")
