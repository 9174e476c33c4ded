"""What words cost the first time that a model embeds them."""

from __future__ import annotations

import time
from statistics import median

import freeseg
from freeseg.pipeline import Labels


def first_time(labels: Labels, repeats: int) -> float:
    """Median seconds in which a model embeds labels that it has not met before.

    A model remembers every word, so each repetition loads a new one, which is not timed. Set the environment variable
    FREESEG_CACHE to "off" before, or the words come from the disk from the second repetition on.
    """
    return median(_seconds(freeseg.load(), labels) for _ in range(repeats))


def _seconds(model: freeseg.FreeSeg, labels: Labels) -> float:
    before = time.perf_counter()
    model.embed_vocabulary(labels)
    return time.perf_counter() - before
