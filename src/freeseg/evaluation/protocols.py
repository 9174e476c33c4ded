"""Protocols: how a model is measured, so that its numbers can be laid beside published ones.

A protocol only changes what a model carries anyway: its preprocessing, its decision rule, and the templates and
background words of its vocabulary. Apart from that, the model works as it does for every user.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from freeseg.data.segmentation import SegmentationData
from freeseg.decision.rule import Decision
from freeseg.errors import FreeSegError, shortened
from freeseg.evaluation.names import PROTOCOLS, SETTINGS
from freeseg.models import Config
from freeseg.words import Vocabulary, templates


@dataclass(frozen=True)
class Protocol:
    """How a model is measured. The defaults are the model's own settings.

    Attributes:
        name: What it is called.
        short_side: The shorter side of resized photos, in pixels; None for the model's own preprocessing.
        long_cap: The longer side is at most this many times `short_side`.
        window: Side of the sliding windows in pixels of the resized photo; 0 for the whole photo at once.
        stride: Pixels from one window to the next.
        logit_scale: What cosines are multiplied by before the softmax; None for the model's own scale.
        background: "words": the dataset's background words compete with the labels; "threshold" and "none": there are
            no background words.
        threshold: In datasets with a background, pixels whose probability is below this are background.
        presence: Whether the model's own rule may go beyond the softmax: labels must be present to appear and weigh
            by their presence, the background has a margin, and unsure pixels may be "don't know".
        templates: Name of the prompt templates, as `freeseg.words.templates` knows it.
        refine: Whether maps are refined along edges in every setting but "freeseg" and "typed".
        upsample_first: Whether logits get the photo's size before the softmax, which has a place for every alias and
            background word (`upsampled`); otherwise as FreeSeg decides: a softmax on the patch grid.
    """

    name: str
    short_side: int | None = None
    long_cap: float = 0.0
    window: int = 0
    stride: int = 0
    logit_scale: float | None = None
    background: str = "words"
    threshold: float = 0.0
    presence: bool = True
    templates: str = "freeseg"
    refine: bool = False
    upsample_first: bool = False

    def described(self) -> dict[str, Any]:
        """The protocol as reports have it.

        A field that 0.1.0 did not have is there only where it changes the numbers, so that reports stay comparable.
        """
        described = asdict(self)
        if not self.upsample_first:
            del described["upsample_first"]
        return described

    def config(self, own: Config, setting: str) -> Config:
        """A model's config under this protocol.

        Args:
            own: The model's own config.
            setting: One of `names.SETTINGS`.

        Example:
            >>> from freeseg.models.config import TowerPair
            >>> config = protocol("sclip", "cityscapes").config(Config("m", TowerPair("t", "t")), "plain")
            >>> config.preprocessing.short_side, config.decision.logit_scale, config.decision.refine_steps
            (560, 40.0, 0)
        """
        preprocessing = own.preprocessing
        if self.short_side is not None:
            preprocessing = replace(preprocessing, short_side=self.short_side, long_cap=self.long_cap)
        return replace(own, preprocessing=preprocessing, decision=self._decision(own.decision, setting))

    def _decision(self, own: Decision, setting: str) -> Decision:
        steps = own.refine_steps
        if setting not in (
            "freeseg",
            "typed",
        ):  # published numbers are refined with PAMR's own ten steps, or not at all
            steps = Decision.refine_steps if self.refine or setting == "refined" else 0
        scale = own.logit_scale if self.logit_scale is None else self.logit_scale
        decision = replace(own, logit_scale=scale, refine_steps=steps)
        if self.presence:
            return decision
        return replace(
            decision,
            presence_ratio=0.0,
            presence_floor=0.0,
            presence_weight=0.0,
            background_margin=0.0,
            ignore_below=0.0,
        )

    def vocabulary(self, data: SegmentationData, setting: str) -> Vocabulary:
        """A dataset's labels in a setting, with this protocol's templates and background words.

        Raises:
            FreeSegError: No such setting.
        """
        if setting not in SETTINGS:
            raise FreeSegError(f"no setting is called {shortened(setting)}; there are: {', '.join(SETTINGS)}")
        labels = data.vocabulary("aliases" if setting == "refined" else setting)
        others = labels.background_words if self.background == "words" else ()
        return replace(labels, templates=templates(self.templates), background_words=others)


def protocol(name: str, dataset: str) -> Protocol:
    """A protocol by name, as it is for a dataset.

    Raises:
        FreeSegError: No such protocol; the message lists those there are.

    Example:
        >>> protocol("sclip", "voc20").short_side, protocol("sclip", "cityscapes").short_side
        (336, 560)
    """
    if name not in PROTOCOLS:
        raise FreeSegError(f"no protocol is called {shortened(name)}; there are: {', '.join(PROTOCOLS)}")
    table = dict(_tables()[name])
    datasets = table.pop("datasets", {})
    return Protocol(name, **{**table, **datasets.get(dataset, {})})


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(resources.files("freeseg.evaluation").joinpath("protocols.toml").read_text(encoding="utf-8"))
