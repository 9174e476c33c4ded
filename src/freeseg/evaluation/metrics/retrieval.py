"""Text-to-image retrieval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHORTEST = 1e-12  # a vector shorter than this is not made longer


def recall_at(
    images: NDArray[np.float32], texts: NDArray[np.float32], photo_of_text: NDArray[np.int64], ks: Sequence[int]
) -> dict[str, float]:
    """How often the photo a text belongs to is among the k nearest of all photos.

    Args:
        images: One embedding per photo (I, D).
        texts: Text embeddings (T, D).
        photo_of_text: The photo of each text (T,).
        ks: The ranks to report.

    Returns:
        {"R@k": share of texts in [0, 1]}. Ties count against the photo.

    Example:
        >>> recall_at(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), np.array([0, 0]), (1, 2))
        {'R@1': 0.5, 'R@2': 1.0}
    """
    similarity = _unit(texts) @ _unit(images).T
    own = np.take_along_axis(similarity, photo_of_text[:, None], axis=1)
    rank = (~(similarity < own)).sum(axis=1)  # 1 for the nearest; what cannot be compared (NaN) ranks last
    return {f"R@{k}": float(np.mean(rank <= k)) for k in ks}


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SHORTEST), np.float32)
