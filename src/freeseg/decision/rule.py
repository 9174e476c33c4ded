"""The numbers of the decision rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from freeseg.bounds import Bounds, check_fields


@dataclass(frozen=True)
class Decision:
    """How a mask is decided. A checkpoint carries its own, so that users need not choose.

    Attributes:
        smoothing: Maps are averaged over this many patches each way first (odd; 1 turns it off): a single
            patch is noisy, its neighbours mostly show the same thing.
        logit_scale: Cosines are multiplied by it before any softmax.
        presence_share: A label's presence is its mean probability over this share of the photo, its best patches.
        presence_ratio: A label is present if its presence is at least this share of the most present one's ...
        presence_floor: ... and, where there is a background, if its presence against the background alone is at
            least this much: a single label that was asked for need not be there.
        background_margin: Added to the background's cosine, and to the cosine of labels that are background words
            themselves, such as "sky"; higher gives more background, and more of these labels.
        refine_steps: Steps of PAMR along the photo's edges; 0 turns it off.
        ignore_below: Pixels less sure than this become "don't know".

    Raises:
        FreeSegError: A number makes no sense; the message names it.
    """

    smoothing: Annotated[int, Bounds(1, 99, odd=True)] = 3
    logit_scale: Annotated[float, Bounds(above=0, most=10_000)] = 20.0
    presence_share: Annotated[float, Bounds(above=0, most=1)] = 0.06
    presence_ratio: Annotated[float, Bounds(0, 10_000)] = 0.55
    presence_floor: Annotated[float, Bounds(0, 10_000)] = 0.7
    background_margin: Annotated[float, Bounds(-10, 10)] = 0.03
    refine_steps: Annotated[int, Bounds(0, 1_000)] = 10
    ignore_below: Annotated[float, Bounds(0, 1)] = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
