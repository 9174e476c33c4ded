"""How much is measured: the sizes and repetitions of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """The sizes of a run of `python -m benchmarks`.

    Attributes:
        photos: Photos in a turn of the speed comparison.
        repeats: How often each comparison is repeated.
        megapixels: Sizes of photos.
        short_sides: Short sides of what the model sees.
        labels: Numbers of labels.
        folders: Numbers of photos in a folder.
        clip_sides: Sides of the square pictures that CLIP and FreeSeg-Lite are compared on.
    """

    photos: int = 20
    repeats: int = 7
    megapixels: tuple[float, ...] = (0.1, 0.3, 1, 4, 12)
    short_sides: tuple[int, ...] = (224, 352, 512, 704)
    labels: tuple[int, ...] = (1, 20, 150, 1000)
    folders: tuple[int, ...] = (10, 40, 160)
    clip_sides: tuple[int, ...] = (224, 336, 512)

    @property
    def fewer(self) -> int:
        """Repetitions of a comparison in which one turn takes many seconds."""
        return max(1, self.repeats // 2)


QUICK = Scale(2, 1, (0.1, 1), (96, 128), (1, 20), (2, 4), (64, 96))
