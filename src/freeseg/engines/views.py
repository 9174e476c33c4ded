"""Looking at a photo several times: at several sizes, each as it is and mirrored, and averaging what was seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.decision.maps import upsample
from freeseg.engines.engine import Engine
from freeseg.photos import resize, to_array
from freeseg.words.embedded import WordEmbeddings

SMALLEST = 1e-12  # the least length that a mean of unit vectors is divided by


class ViewsEngine:
    """Another engine, each photo of which is looked at several times, as an `engine.Engine`.

    What a photo shows at one size, a model may miss at another: large things at a fine size, small ones at a coarse
    one. A patch is the mean of what all views see at its place, as a unit vector. Each view costs what looking at a
    photo of its size costs.

    Args:
        engine: The engine that looks.
        smaller: The sizes of the views besides the one of all pixels, as shares of it, in (0, 1). Patches are as fine
            as those of the largest view. Each view is looked at twice, as it is and mirrored.
        multiple: Both sides of a view are rounded to a multiple of this: whole patches of a transformer.

    Raises:
        ValueError: A share is not in (0, 1).

    Example:
        >>> import freeseg, numpy as np
        >>> engine = freeseg.load().engine
        >>> ViewsEngine(engine, [0.5]).patches(np.zeros((64, 96, 3), np.uint8)).shape
        (384, 8, 12)
    """

    def __init__(self, engine: Engine, smaller: Sequence[float] = (), *, multiple: int = 1):
        if not all(0 < share < 1 for share in smaller):
            raise ValueError(f"shares must be in (0, 1), got {list(smaller)}")
        self.engine, self.multiple = engine, multiple
        self.smaller = tuple(sorted(set(smaller)))

    @property
    def name(self) -> str:
        """Of the engine that looks."""
        return self.engine.name

    @property
    def precision(self) -> str:
        """Of the engine that looks."""
        return self.engine.precision

    @property
    def stride(self) -> int:
        """Pixels from one patch to the next."""
        return self.engine.stride

    @property
    def max_concurrent(self) -> int:
        """Of the engine that looks."""
        return self.engine.max_concurrent

    @property
    def views(self) -> str:
        """See `engine.Engine`."""
        return f"mirrored, and at {self.smaller} of the size" if self.smaller else "mirrored"

    @property
    def weights_sha256(self) -> str:
        """Of the model's weights."""
        return self.engine.weights_sha256

    @property
    def identity(self) -> str:
        """The engine that looks, and the views."""
        return f"{self.engine.identity} {self.views}"

    def to(self, device: str) -> ViewsEngine:
        """See `engine.Engine`."""
        return ViewsEngine(self.engine.to(device), self.smaller, multiple=self.multiple)

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """See `engine.Engine`."""
        return self.engine.embed_words(words, templates)

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """See `engine.Engine`."""
        return self.engine.unknown_words(words)

    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `engine.Engine`."""
        patches = self.patches(pixels)
        return (texts @ patches.reshape(len(patches), -1)).reshape(len(texts), *patches.shape[1:])

    def patches(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `engine.Engine`."""
        total = self._both_sides(pixels)
        for share in self.smaller:
            height, width = (max(1, round(side * share / self.multiple)) * self.multiple for side in pixels.shape[:2])
            view = to_array(resize(Image.fromarray(pixels), (width, height)))
            total += upsample(self._both_sides(view), total.shape[1:])
        total /= np.maximum(np.linalg.norm(total, axis=0), SMALLEST)
        return total

    def whole(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """See `engine.Engine`: the class token of the largest view, as it is."""
        return self.engine.whole(pixels)

    def _both_sides(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The sum of the patches of a view and of its mirror image."""
        mirrored = self.engine.patches(np.ascontiguousarray(pixels[:, ::-1]))[:, :, ::-1]
        return np.ascontiguousarray(self.engine.patches(pixels) + mirrored)
