"""The numbers of the decision rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from freeseg.bounds import Bounds, check_fields

PRESENCE_OF_0_1_0: dict[str, Any] = {"presence_share": 0.06, "presence_ratio": 0.55, "presence_weight": 0.0}


@dataclass(frozen=True, repr=False)
class Decision:
    """How a mask is decided. A checkpoint carries its own, so that users need not choose.

    Attributes:
        smoothing: Maps are averaged over this many patches each way first (odd; 1 turns it off): a single
            patch is noisy, its neighbours mostly show the same thing.
        logit_scale: Cosines are multiplied by it before any softmax.
        presence_share: A label's presence is its mean probability over this share of the photo, its best patches.
        presence_ratio: A label may appear if its presence is at least this share of the most present one's ...
        presence_floor: ... and, where there is a background, if its presence against the background alone is at
            least this much: a single label that was asked for need not be there.
        presence_weight: How much presence counts at each patch, for labels that may appear. With 1, the probability of
            a label is multiplied by its presence, as by a prior probability; with 0 presence does not count there.
        background_margin: Added to the background's cosine, and to the cosine of labels that are background words
            themselves, such as "sky"; higher gives more background, and more of these labels.
        refine_steps: Steps of PAMR along the photo's edges; 0 turns it off.
        ignore_below: Pixels less sure than this become "don't know".

    Raises:
        FreeSegError: A number makes no sense; the message names it.
    """

    smoothing: Annotated[int, Bounds(1, 99, odd=True)] = 3
    logit_scale: Annotated[float, Bounds(above=0, most=10_000)] = 20.0
    presence_share: Annotated[float, Bounds(above=0, most=1)] = 0.01
    presence_ratio: Annotated[float, Bounds(0, 10_000)] = 0.4
    presence_floor: Annotated[float, Bounds(0, 10_000)] = 0.7
    background_margin: Annotated[float, Bounds(-10, 10)] = 0.03
    refine_steps: Annotated[int, Bounds(0, 1_000)] = 10
    ignore_below: Annotated[float, Bounds(0, 1)] = 0.0
    presence_weight: Annotated[float, Bounds(0, 10)] = 1.0

    def __post_init__(self) -> None:
        check_fields(self)

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Decision:
        """The rule that a file tells. A file of 0.1.0 has no weight of presence, and may leave out what was default.

        Raises:
            FreeSegError: A number makes no sense.
            TypeError: An entry is unknown.

        Example:
            >>> rule = Decision.from_json({"presence_ratio": 0.5})
            >>> rule.presence_ratio, rule.presence_share, rule.presence_weight
            (0.5, 0.06, 0.0)
        """
        return cls(**(entries if "presence_weight" in entries else PRESENCE_OF_0_1_0 | dict(entries)))

    def to_json(self) -> dict[str, Any]:
        """The entries of a file. A weight of 0 is not told, so that what 0.1.0 wrote is written again as it was.

        Example:
            >>> len(Decision().to_json()), len(Decision(presence_weight=0).to_json())
            (9, 8)
        """
        entries = asdict(self)
        if not self.presence_weight:
            del entries["presence_weight"]
        return entries

    def __repr__(self) -> str:
        """As a dataclass has it, of what a file tells: hashes of it are those of 0.1.0."""
        return f"Decision({', '.join(f'{name}={value!r}' for name, value in self.to_json().items())})"
