"""Image-Text Similarity Maps (ITSM): how well every patch answers to every label.

Pure functions on tensors, with gradients: towers and training use them. What happens to finished maps is in
`freeseg.decision.maps`. Source: Li et al. 2022 (ICLIP, arXiv 2209.07046), section 3; FreeSeg makes its masks from these
maps (arXiv 2209.13558).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-6


def similarity(patches: Tensor, texts: Tensor) -> Tensor:
    """Cosine of every patch with every label: `S[b,n,y,x] = <P[b,:,y,x]/|P|, T[n]/|T|>`.

    Args:
        patches: Patch embeddings (B, D, h, w), any float dtype, class token not among them.
        texts: Text embeddings (N, D).

    Returns:
        ITSM (B, N, h, w) in [-1, 1]; a patch or a text of zero length gives 0.

    Raises:
        ValueError: The embeddings do not live in the same space.

    Example:
        >>> patches = torch.tensor([[3.0, 0.0], [4.0, 1.0]]).reshape(1, 2, 1, 2)
        >>> similarity(patches, torch.tensor([[0.0, 2.0]])).flatten().tolist()
        [0.800000011920929, 1.0]
    """
    if patches.ndim != 4 or texts.ndim != 2 or patches.shape[1] != texts.shape[1]:
        raise ValueError(
            f"patches {tuple(patches.shape)} and texts {tuple(texts.shape)} do not match; "
            "they must be (B, D, h, w) and (N, D) with the same D"
        )
    weights = F.normalize(texts, dim=1, eps=EPSILON).to(patches.dtype)
    return pointwise(unit_patches(patches), weights)


def unit_patches(patches: Tensor) -> Tensor:
    """Patch embeddings (B, D, h, w) at unit length; one of zero length stays 0.

    Example:
        >>> unit_patches(torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)).flatten().tolist()
        [0.6000000238418579, 0.800000011920929]
    """
    return F.normalize(patches, dim=1, eps=EPSILON)


def pointwise(maps: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear map of each patch: maps (B, C, h, w), weight (D, C) and bias (D,) -> (B, D, h, w).

    Example:
        >>> pointwise(torch.ones(1, 2, 1, 1), torch.tensor([[1.0, 2.0]]), torch.tensor([0.5])).flatten().tolist()
        [3.5]
    """
    if maps.device.type == "cpu":  # a 1x1 convolution is this very product, without a transposed copy
        return F.conv2d(maps, weight[:, :, None, None], bias)
    return F.linear(maps.movedim(1, -1), weight, bias).movedim(-1, 1)  # a GPU's convolutions round to TF32 by default


def merge_aliases(itsm: Tensor, label_of_alias: Tensor, labels: int) -> Tensor:
    """The map of a label is the maximum over the maps of its aliases.

    Args:
        itsm: Maps of all aliases (B, A, h, w).
        label_of_alias: Label index of each alias (A,), int64, every label owning at least one.
        labels: Number of labels N.

    Returns:
        Maps of labels (B, N, h, w).

    Example:
        >>> maps = torch.tensor([0.1, 0.7, 0.3]).reshape(1, 3, 1, 1)
        >>> merge_aliases(maps, torch.tensor([0, 0, 1]), 2).flatten().tolist()
        [0.699999988079071, 0.30000001192092896]
    """
    if len(label_of_alias) == labels:  # one alias each, in order: nothing to merge
        return itsm
    merged = itsm.new_full((itsm.shape[0], labels, *itsm.shape[2:]), -torch.inf)
    index = label_of_alias.to(itsm.device)[None, :, None, None].expand_as(itsm)
    return merged.scatter_reduce_(1, index, itsm, "amax")
