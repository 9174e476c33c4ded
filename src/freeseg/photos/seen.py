"""A photo that a model has looked at: asking it about other words costs the words and the decision only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.photos.large_jpegs import LatePhoto
from freeseg.photos.reading import read_photo


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """What a model saw of a photo, as `FreeSeg.look` gives it and `FreeSeg.segment` takes it in the photo's place.

    Attributes:
        size: (width, height) of the photo, upright.
        pixels: (h, w, 3) uint8, what the model saw of it.
        patches: (D, h, w) float32, a unit vector for each patch, in the space that patches share with words.
        looked_by: What the patches depend on: the model, its precision and its preprocessing.
        source: The path of the photo's file as it was given, or "" where there is none.
        frame: Which of the file's frames or pages it is, from 1; 0 for what is no frame.
        kept: The photo: the bytes of its file, which are decoded whenever somebody needs its own pixels; or a picture.

    Example:
        >>> import freeseg, numpy as np
        >>> model = freeseg.load()
        >>> seen = model.look(np.zeros((40, 60, 3), np.uint8))
        >>> seen.size, model.segment(seen, "cat, dog").labels
        ((60, 40), ('background', 'cat', 'dog'))
    """

    size: tuple[int, int]
    pixels: NDArray[np.uint8]
    patches: NDArray[np.float32]
    looked_by: str
    source: str = ""
    frame: int = 0
    kept: bytes | Image.Image = field(default=b"", repr=False)

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory it takes."""
        photo = len(self.kept) if isinstance(self.kept, bytes) else 3 * self.size[0] * self.size[1]
        return self.pixels.nbytes + self.patches.nbytes + photo

    def photo(self) -> Image.Image:
        """The photo, upright and in RGB. Of bytes, each call gives another picture, decoded when it is first needed."""
        if isinstance(self.kept, bytes):
            content = self.kept
            return LatePhoto(self.size, lambda: read_photo(content))
        return self.kept

    def cosines(self, texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """The similarity of each patch with text embeddings (N, D), unit vectors: cosines (N, h, w) in [-1, 1]."""
        depth, height, width = self.patches.shape
        return (texts @ self.patches.reshape(depth, -1)).reshape(len(texts), height, width)
