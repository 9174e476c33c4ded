"""Whether the parts of a result fit together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from freeseg.mask_values import DONT_KNOW, IGNORE


def check_labels(labels: tuple[str, ...], presence: Mapping[str, float]) -> None:
    """Check that labels are different names, and presence a finite score of some of them.

    Raises:
        ValueError: They are not.
    """
    if not isinstance(labels, tuple) or not labels:
        raise ValueError("labels must be a tuple of at least one name")
    if len(set(labels)) != len(labels):
        raise ValueError("labels must all be different")
    if len(labels) > IGNORE and labels[IGNORE] != DONT_KNOW:
        raise ValueError(f"with more than 255 labels, labels[255] must be {DONT_KNOW!r}: use reserve_ignore(labels)")
    strange = [label for label, score in presence.items() if label not in labels or not math.isfinite(score)]
    if strange:
        raise ValueError(f"presence must be a finite score by label; check {strange[0]!r}")


def check_mask(mask: npt.NDArray[Any], count: int) -> None:
    """Check that an array is a mask of so many labels.

    Raises:
        ValueError: Its shape or its type is another, or it holds values beyond the labels.
    """
    dtype = np.uint8 if count <= IGNORE else np.uint16
    if mask.ndim != 2 or mask.size == 0 or mask.dtype != dtype:
        expected = f"(H, W) {np.dtype(dtype)}, not empty, for {count} labels"
        raise ValueError(f"mask must be {expected}; it is {mask.shape} {mask.dtype}")
    if mask.max(initial=0, where=mask != IGNORE) >= count:
        raise ValueError(f"mask holds values beyond its {count} labels")
