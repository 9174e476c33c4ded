"""The decision of SCLIP's code, and of methods that took it over: logits at the photo's size first, then the softmax.

FreeSeg itself takes the softmax where the maps are, on the patch grid, and brings probabilities to the photo's size
(`decision.masks`): less work and less memory, and other masks along the edges. Published numbers were made in the order
here: the logits of each window are brought to its pixels, averaged where windows overlap, brought to the photo's size;
then a softmax has a place for each alias and each background word, and a class has its largest (arXiv 2312.01597,
`forward_slide` and `postprocess_result` of its authors' code).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Maps, Sources, lerp_columns, lerp_rows, merge_aliases, smooth, softmax, upsample
from freeseg.decision.masks import STRIP_FLOATS, Indices, photo_edges
from freeseg.decision.refinement import pamr
from freeseg.evaluation.windows import merge, windows

if TYPE_CHECKING:
    from freeseg.pipeline import FreeSeg
    from freeseg.prepared import Prepared
    from freeseg.words.embedded import EmbeddedVocabulary


class Decided(NamedTuple):
    """What was decided of a photo.

    Attributes:
        labels: (H, W) integers; 0 is the background where there is one, then the labels in order.
        confidence: (H, W) float32 in [0, 1], the probability of the winner.
        maps: (N, h, w), the labels' cosines on the patch grid.
    """

    labels: Indices
    confidence: NDArray[np.float32]
    maps: Maps


def decide_upsampled(
    model: FreeSeg, words: EmbeddedVocabulary, prepared: Prepared, *, window: int, stride: int, background: bool
) -> Decided:
    """Decide a photo at its own size.

    Where the model's rule refines, the logits are refined, before they get the photo's size: at the resolution at which
    FreeSeg refines, where the authors' code takes the photo's.

    Args:
        model: The model, with the protocol's preprocessing and rule.
        words: The dataset's labels and background words.
        prepared: The photo.
        window: Side of the sliding windows in pixels of the resized photo; 0 for the whole photo at once.
        stride: From one window to the next.
        background: Whether a pixel may be none of the labels.
    """
    size, rule = prepared.pixels.shape[:2], model.config.decision
    corners, side = windows(size, window, stride), window or max(size)
    texts = words.embeddings if background else words.aliases
    seen = (prepared.pixels[top : top + side, left : left + side] for top, left in corners)
    parts = [smooth(model.engine.similarity_maps(pixels, texts), rule.smoothing) for pixels in seen]
    cosines = merge(parts, corners, side, size, size)
    if rule.refine_steps:
        edges = photo_edges(prepared.pixels)
        cosines = pamr(upsample(cosines, edges.shape[1:]), edges, rule.refine_steps)
    labels, confidence = most_probable_class(
        np.float32(rule.logit_scale) * cosines,
        words.label_of_alias,
        prepared.photo.size[::-1],
        background=background,
    )
    grid = ceil(size[0] / model.engine.stride), ceil(size[1] / model.engine.stride)
    coarse = merge([words.merged(part).labels for part in parts], corners, side, size, grid)
    return Decided(labels, confidence, coarse)


def most_probable_class(
    logits: Maps, label_of_alias: NDArray[np.int64], size: tuple[int, int], *, background: bool
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The class of the largest probability at each pixel, and that probability; a strip of rows at a time.

    Args:
        logits: Of all aliases, label by label, and then of background words: (A + K, h, w).
        label_of_alias: The label of each alias (A,).
        size: (height, width) of the result.
        background: Whether class 0 is the background; its probability is that of its likeliest word.

    Example:
        >>> logits = np.array([[[2.0, 0.0]], [[0.0, 1.0]]], np.float32)  # a label's and a background word's
        >>> most_probable_class(logits, np.array([0]), (1, 2), background=True)[0].tolist()
        [[1, 0]]
    """
    aliases, (height, width) = len(label_of_alias), size
    rows, columns = Sources.of(logits.shape[1], height), Sources.of(logits.shape[2], width)
    labels, confidence = np.empty(size, np.int16), np.empty(size, np.float32)
    step = max(1, STRIP_FLOATS // (len(logits) * max(width, logits.shape[2])))
    for part in (slice(start, start + step) for start in range(0, height, step)):
        shares = softmax(lerp_columns(lerp_rows(logits, rows[part]), columns))
        classes = merge_aliases(shares[:aliases], label_of_alias)
        if background:  # without words for it, nothing is; but 0 is still its index
            others = shares[aliases:].max(axis=0, keepdims=True, initial=0.0)
            classes = np.concatenate([others, classes])
        labels[part], confidence[part] = classes.argmax(axis=0), classes.max(axis=0)
    return labels, confidence
