"""How the objects of a result are written, in formats that list objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from freeseg.bounds import Bounds, check_fields

LEAST_SHARE = 1e-4  # of the photo's pixels; smaller parts are specks that nobody would draw


@dataclass(frozen=True)
class Objects:
    """What counts as an object, and how its outline is written.

    Attributes:
        instances: Whether each connected part of a label is an object of its own, where the format leaves the choice.
            Otherwise all that has one label is one object.
        min_area: Parts smaller than this are left out where parts are objects of their own: a share of the photo's
            pixels below 1, a number of pixels from 1 on, and 0 to leave out none.
        polygons: Whether objects are polygons, where the format leaves the choice. Otherwise they are run-length
            codes, which are exact.

    Raises:
        FreeSegError: `min_area` is below 0.
    """

    instances: bool = False
    min_area: Annotated[float, Bounds(least=0)] = LEAST_SHARE
    polygons: bool = False

    def __post_init__(self) -> None:
        """Check the area."""
        check_fields(self)

    def least_pixels(self, size: int) -> float:
        """How many pixels the smallest part has that is written, of a photo with `size` pixels.

        Example:
            >>> Objects(min_area=0.01).least_pixels(5_000), Objects(min_area=20).least_pixels(5_000)
            (50.0, 20)
        """
        return self.min_area * size if self.min_area < 1 else self.min_area
