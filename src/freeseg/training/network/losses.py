"""Losses of the segmentation network: pure functions on tensors.

FreeSeg (arXiv 2209.13558) trains on partial labels and partial pixels; the formulas are our reading of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.decision import itsm
from freeseg.training import processes
from freeseg.training.network.words import VocabularyTensors

UNKNOWN = -1  # a target that supervises nothing
BACKGROUND = 0  # a target; label n is n + 1


def partial_logits(
    similarity: Tensor, words: VocabularyTensors, competing: Tensor, *, scale: float, margin: float
) -> Tensor:
    """Logits of the background and of the labels, where only labels that are known to be in a photo compete.

    A label that nobody mentioned is unknown, not negative: its logit is minus infinity, so that it neither wins a
    pixel nor is pushed away from it. A background word that means a competing label is left out as well.

    Args:
        similarity: Cosines of patches with aliases, then with all background words, (B, A + M, h, w).
        words: The labels whose aliases these are, and what is known of the background words.
        competing: (B, N) bool: the labels that may be in each photo.
        scale: Factor from cosines to logits.
        margin: Added to the background's cosine, and to those of labels that are background words themselves.

    Returns:
        (B, 1 + N, h, w): the best background word, then the labels.

    Example:
        >>> is_background_word, left_out_by = torch.tensor([False, False]), torch.tensor([[False, False]])
        >>> cat_dog_and_sky = VocabularyTensors(torch.eye(3), torch.tensor([0, 1]), is_background_word, left_out_by)
        >>> cosines = torch.tensor([0.5, 0.25, 0.125]).reshape(1, 3, 1, 1)
        >>> known = torch.tensor([[True, False]])
        >>> partial_logits(cosines, cat_dog_and_sky, known, scale=8.0, margin=0.0).flatten().tolist()
        [1.0, 4.0, -inf]
    """
    aliases = len(words.label_of_alias)
    labels = itsm.merge_aliases(similarity[:, :aliases], words.label_of_alias, competing.shape[1])
    left_out = (competing.float() @ words.left_out_by.float().T > 0)[:, :, None, None]  # (B, M, 1, 1)
    # The margin makes labels that are background words equal to the background, so it needs a background.
    labels = labels + margin * words.is_background_word[:, None, None] * ~left_out.all(dim=1, keepdim=True)
    labels = labels.masked_fill(~competing[:, :, None, None], -torch.inf)
    background_words = similarity[:, aliases:].masked_fill(left_out, -torch.inf)
    if background_words.shape[1]:
        background = background_words.amax(dim=1, keepdim=True) + margin
    else:
        background = torch.full_like(labels[:, :1], -torch.inf)
    return scale * torch.cat([background, labels], dim=1)


def partial_pixels(labels: Tensor, confidence: Tensor, *, foreground_share: float, background_share: float) -> Tensor:
    """Which pixels of a free mask supervise: the most confident ones of each label; the rest is ignored.

    Labels differ in how confident they ever get, so the share is taken of each label's own pixels.

    Args:
        labels: (H, W) int64 targets: `BACKGROUND`, labels from 1 on, `UNKNOWN`.
        confidence: (H, W) in [0, 1].
        foreground_share: The share of each label's pixels that supervise, in (0, 1].
        background_share: The share of the background's pixels that supervise, in (0, 1].

    Returns:
        (H, W) bool.

    Example:
        >>> labels, confidence = torch.tensor([[1, 1, 0, -1]]), torch.tensor([[0.9, 0.6, 0.3, 1.0]])
        >>> partial_pixels(labels, confidence, foreground_share=0.5, background_share=1.0).tolist()
        [[True, False, True, False]]
    """
    chosen = torch.zeros_like(labels, dtype=torch.bool)
    pixels = torch.bincount(labels.flatten() - UNKNOWN).tolist()[BACKGROUND - UNKNOWN :]
    for label, count in enumerate(pixels, start=BACKGROUND):
        if count:
            own = labels == label
            supervising = max(1, round((background_share if label == BACKGROUND else foreground_share) * count))
            chosen |= own & (confidence >= confidence[own].kthvalue(count - supervising + 1).values)
    return chosen


def mask_loss(logits: Tensor, targets: Tensor, supervised: Tensor, *, clamp: float) -> Tensor:
    """Cross-entropy over the supervised pixels, where the loss of a single pixel is clamped.

    A clamped pixel has no gradient. Pixels that are still hard late in the training mostly have a wrong target, as the
    same authors found for URN (arXiv 2112.07431).

    Args:
        logits: (B, 1 + N, h, w), minus infinity where a label does not compete.
        targets: (B, h, w) int64, `UNKNOWN` where there is none.
        supervised: (B, h, w) bool.
        clamp: The largest loss that a pixel may have; infinity for no limit.

    Returns:
        The mean over supervised pixels; 0 where there are none. Of several processes, the mean of what they return is
        that over the supervised pixels of all, of which each may have another number.

    Example:
        >>> logits = torch.zeros(1, 2, 1, 2)
        >>> targets = torch.tensor([[[0, 1]]])
        >>> round(mask_loss(logits, targets, targets >= 0, clamp=float("inf")).item(), 4)
        0.6931
    """
    # A target that does not compete (relabelling gave the pixel another photo's label) has no finite loss.
    reachable = logits.gather(1, targets.clamp_min(0)[:, None])[:, 0] > -torch.inf
    used = supervised & (targets != UNKNOWN) & reachable
    loss = F.cross_entropy(logits, targets.masked_fill(~used, UNKNOWN), ignore_index=UNKNOWN, reduction="none")
    return processes.count() * loss.clamp(max=clamp).sum() / processes.total(used.sum()).clamp_min(1)


def embedding_distillation(patches: Tensor, grid: Tensor, boxes: Tensor) -> Tensor:
    """How far the network's patches are from its teacher's: the mean of one minus their cosine, in [0, 2].

    It keeps the network in the joint space for words that no mask names. The teacher saw the whole photo, the network
    a part of it, which may be mirrored.

    Args:
        patches: The network's patch embeddings (B, D, h, w) of parts of photos.
        grid: The teacher's patch embeddings (B, D, g, g) of the whole photos.
        boxes: (B, 4): left, top, right, bottom of the parts, as shares of the photo. Right lies before left where a
            part is mirrored.

    Example:
        >>> grid = torch.eye(4).reshape(1, 4, 2, 2)
        >>> whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
        >>> round(embedding_distillation(grid, grid, whole).item(), 5)
        0.0
    """
    size = grid.shape[-1]
    centres = (torch.arange(size, device=grid.device) + 0.5) / size
    left, top, right, bottom = boxes[:, :, None].unbind(1)
    x = (left + (right - left) * centres)[:, None, :].expand(-1, size, -1)
    y = (top + (bottom - top) * centres)[:, :, None].expand(-1, -1, size)
    where = 2 * torch.stack([x, y], dim=-1) - 1
    wanted = F.grid_sample(grid, where, mode="bilinear", padding_mode="border", align_corners=False)
    coarse = F.adaptive_avg_pool2d(F.normalize(patches, dim=1, eps=itsm.EPSILON), size)
    return 1 - F.cosine_similarity(coarse, wanted, dim=1).mean()
