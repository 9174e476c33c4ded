"""The kinds of models in transformers' format that FreeSeg reads, by the `model_type` of their config."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """What is known of a kind before its files are read.

    Attributes:
        network: The class in transformers.
        knows_words: Whether it has a text tower beside its image tower.
        mode: The dense mode where nobody chose one. A CLIP's raw maps are upside down (CLIP Surgery, arXiv 2304.05653);
            the patches of the others are read after the last block.
    """

    network: str
    knows_words: bool
    mode: str = "raw"


# The dense modes, which `dense.MODES` implements.
DENSE_MODES = ("raw", "maskclip", "surgery", "sclip", "clearclip", "naclip")
KINDS = {
    "clip": Kind("CLIPModel", knows_words=True, mode="surgery"),
    "siglip": Kind("SiglipModel", knows_words=True),
    "siglip2": Kind("Siglip2Model", knows_words=True),
    "dinov2": Kind("Dinov2Model", knows_words=False),
    "vit": Kind("ViTModel", knows_words=False),
}
LONE_TOWERS = {
    f"{kind}_{tower}_model": f"{description} only"
    for kind in ("clip", "siglip", "siglip2")
    for tower, description in (("text", "a text tower"), ("vision", "an image tower"))
}


def describe_kind(model_type: str) -> str:
    """What a model of a kind can be used for, in a few words.

    Example:
        >>> describe_kind("siglip")
        'siglip: images and words, segments as it is'
    """
    if model_type in LONE_TOWERS:
        return f"{model_type}: {LONE_TOWERS[model_type]}; FreeSeg needs both"
    if model_type not in KINDS:
        return f"{model_type}: not a kind that FreeSeg reads" if model_type else "not stated"
    if KINDS[model_type].knows_words:
        return f"{model_type}: images and words, segments as it is"
    return f"{model_type}: images only, a tower or free attention for freeseg pretrain"
