"""Text-to-image retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def recall_at(images: Tensor, texts: Tensor, photo_of_text: Tensor, ks: Sequence[int]) -> dict[str, float]:
    """How often the photo a text belongs to is among the k nearest of all photos.

    Args:
        images: One embedding per photo (I, D).
        texts: Text embeddings (T, D).
        photo_of_text: The photo of each text (T,), int64.
        ks: The ranks to report.

    Returns:
        {"R@k": share of texts in [0, 1]}. Ties count against the photo.

    Example:
        >>> import torch
        >>> recall_at(torch.eye(2), torch.eye(2), torch.tensor([0, 0]), (1, 2))
        {'R@1': 0.5, 'R@2': 1.0}
    """
    import torch.nn.functional as F

    similarity = F.normalize(texts, dim=1) @ F.normalize(images, dim=1).T
    own = similarity.gather(1, photo_of_text[:, None])
    rank = (~(similarity < own)).sum(dim=1)  # 1 for the nearest; what cannot be compared (NaN) ranks last
    return {f"R@{k}": (rank <= k).float().mean().item() for k in ks}
