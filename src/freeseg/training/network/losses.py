"""Losses of the segmentation network: pure functions on tensors.

FreeSeg (arXiv 2209.13558) trains on partial labels and partial pixels; the formulas are our reading of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.decision import itsm
from freeseg.words.embedded import EmbeddedVocabulary

UNKNOWN = -1  # a target that supervises nothing
BACKGROUND = 0  # a target; label n is n + 1


def partial_logits(
    similarity: Tensor, words: EmbeddedVocabulary, competing: Tensor, scale: float, margin: float
) -> Tensor:
    """Logits of the background and of the labels, where only labels that are known to be in a photo compete.

    A label that nobody mentioned is unknown, not negative: its logit is minus infinity, so that it neither wins a
    pixel nor is pushed away from it. A background word that means a competing label is left out as well.

    Args:
        similarity: Cosines of patches with aliases, then with all background words (B, A + M, h, w).
        words: Those texts: whose the aliases are, which background words mean which label, and which labels are stuff.
        competing: (B, N) bool: the labels that may be in each photo.
        scale: Cosines -> logits.
        margin: Added to the background's cosine, and to those of labels that are stuff.

    Returns:
        (B, 1 + N, h, w): the background's best word, then the labels.

    Example:
        >>> import freeseg
        >>> words = freeseg.load().embed_vocabulary(freeseg.Vocabulary.of("cat, dog", background_words=["sky"]))
        >>> cosines = torch.tensor([0.5, 0.25, 0.125]).reshape(1, 3, 1, 1)
        >>> partial_logits(cosines, words, torch.tensor([[True, False]]), 8.0, 0.0).flatten().tolist()
        [1.0, 4.0, -inf]
    """
    aliases = len(words.label_of_alias)
    device = similarity.device
    label_of_alias = torch.from_numpy(words.label_of_alias).to(device)
    synonym_of = torch.from_numpy(words.synonym_of).to(device)
    is_background_word = torch.from_numpy(words.is_background_word).to(device)
    labels = itsm.merge_aliases(similarity[:, :aliases], label_of_alias, competing.shape[1])
    taken = (competing.float() @ synonym_of.float().T > 0)[:, :, None, None]  # (B, M, 1, 1)
    # Where no background word is left there is nothing to be on a par with.
    labels = labels + margin * is_background_word[:, None, None] * ~taken.all(dim=1, keepdim=True)
    labels = labels.masked_fill(~competing[:, :, None, None], -torch.inf)
    others = similarity[:, aliases:].masked_fill(taken, -torch.inf)
    if others.shape[1]:
        background = others.amax(dim=1, keepdim=True) + margin
    else:
        background = torch.full_like(labels[:, :1], -torch.inf)
    return scale * torch.cat([background, labels], dim=1)


def partial_pixels(labels: Tensor, confidence: Tensor, foreground: float, background: float) -> Tensor:
    """Which pixels of a free mask supervise: of each label the most confident ones, the others are ignored.

    Labels differ in how confident they ever get, so each has its own band.

    Args:
        labels: (H, W) int64 targets: `BACKGROUND`, labels from 1 on, `UNKNOWN`.
        confidence: (H, W) in [0, 1].
        foreground: Share of each label's pixels that supervise, in (0, 1].
        background: The same of the background's pixels.

    Returns:
        (H, W) bool.

    Example:
        >>> labels = torch.tensor([[1, 1, 0, -1]])
        >>> partial_pixels(labels, torch.tensor([[0.9, 0.6, 0.3, 1.0]]), 0.5, 1.0).tolist()
        [[True, False, True, False]]
    """
    chosen = torch.zeros_like(labels, dtype=torch.bool)
    pixels = torch.bincount(labels.flatten() - UNKNOWN).tolist()[BACKGROUND - UNKNOWN :]
    for label, count in enumerate(pixels, start=BACKGROUND):
        if count:
            own = labels == label
            kept = max(1, round((background if label == BACKGROUND else foreground) * count))
            chosen |= own & (confidence >= confidence[own].kthvalue(count - kept + 1).values)
    return chosen


def mask_loss(logits: Tensor, targets: Tensor, supervised: Tensor, clamp: float) -> Tensor:
    """Cross-entropy over the supervised pixels; a pixel that stays hard is clamped.

    A clamped pixel has no gradient: late in the training what is still hard is mostly a wrong target, as the same
    authors' URN has it (arXiv 2112.07431).

    Args:
        logits: (B, 1 + N, h, w), minus infinity where a label does not compete.
        targets: (B, h, w) int64, `UNKNOWN` where there is none.
        supervised: (B, h, w) bool.
        clamp: The largest loss that a pixel may have; infinity for no limit.

    Returns:
        The mean over supervised pixels; 0 where there are none.

    Example:
        >>> logits = torch.zeros(1, 2, 1, 2)
        >>> targets = torch.tensor([[[0, 1]]])
        >>> round(mask_loss(logits, targets, targets >= 0, float("inf")).item(), 4)
        0.6931
    """
    # A target that does not compete (another photo's label after relabelling) has no finite loss: it is unknown.
    reachable = logits.gather(1, targets.clamp_min(0)[:, None])[:, 0] > -torch.inf
    used = supervised & (targets != UNKNOWN) & reachable
    loss = F.cross_entropy(logits, targets.masked_fill(~used, UNKNOWN), ignore_index=UNKNOWN, reduction="none")
    return loss.clamp(max=clamp).sum() / used.sum().clamp_min(1)


def embedding_distillation(patches: Tensor, grid: Tensor, boxes: Tensor) -> Tensor:
    """How far the network's patches are from its teacher's: the mean of one minus their cosine.

    It keeps the network in the joint space for words that no mask names. The teacher's patches are of the whole
    photo, the network's of a part of it, maybe mirrored.

    Args:
        patches: The network's patch embeddings (B, D, h, w) of parts of photos.
        grid: The teacher's patch embeddings (B, D, g, g) of the whole photos.
        boxes: (B, 4): left, top, right, bottom of the parts, as shares of the photo; right before left is mirrored.

    Example:
        >>> grid = torch.randn(1, 4, 2, 2)
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
    seen = F.adaptive_avg_pool2d(F.normalize(patches, dim=1, eps=itsm.EPSILON), size)
    return 1 - F.cosine_similarity(seen, wanted, dim=1).mean()
