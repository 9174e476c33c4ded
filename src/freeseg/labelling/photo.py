"""Labelling one photo: how it is done, and the files that it gives."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg import loading
from freeseg.bounds import Bounds, check_fields
from freeseg.data.free_masks import Entry, MaskSettings
from freeseg.errors import FreeSegError, reason
from freeseg.files import FLAT_PNG, write_picture
from freeseg.labelling.tasks import LabellingTask
from freeseg.mask_values import IGNORE
from freeseg.models.config import full_name
from freeseg.pipeline import FreeSeg, Given
from freeseg.words import Vocabulary

VERSION = metadata.version("freeseg")
# More threads would add numbers in another order, but masks must not depend on the machine or on --workers.
THREADS = 1
_ROWS = 512  # of the confidence that are rounded at once


@dataclass(frozen=True)
class LabellingOptions:
    """How photos are labelled. It is a plain value, so that it can be sent to another process.

    Attributes:
        folder: Where the free masks go.
        vocabulary: The labels.
        model, device: As `freeseg.load` takes them.
        ignore_below: Pixels with a lower confidence become "don't know"; None for the model's own rule.
        engine, precision, views: As `freeseg.load` takes them.

    Raises:
        FreeSegError: `ignore_below` makes no sense.
    """

    folder: Path
    vocabulary: Vocabulary
    model: str
    device: str = "cpu"
    ignore_below: Annotated[float | None, Bounds(0, 1)] = None
    engine: str = "auto"
    precision: str = "float32"
    views: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    def load(self) -> FreeSeg:
        """Load the model, with `ignore_below` in its decision rule.

        Raises:
            WeightsError: There is no such model, or it cannot be used.
        """
        model = loading.load(
            self.model,
            engine=self.engine,
            precision=self.precision,
            device=self.device,
            views=self.views,
            threads=THREADS,
        )
        return ignoring_below(model, self.ignore_below)

    def settings(self, model: FreeSeg) -> MaskSettings:
        """What all masks that the model makes with these options have in common."""
        config = model.config
        place = full_name(self.model)
        decision, precision, views = config.decision.to_json(), model.engine.precision, sorted(set(self.views))
        return MaskSettings(
            self.vocabulary, config.name, place, model.weights_sha256, VERSION, decision, precision, tuple(views)
        )


def ignoring_below(model: FreeSeg, confidence: float | None) -> FreeSeg:
    """The model whose pixels of a lower confidence are "don't know"; None for its own rule.

    Example:
        >>> import freeseg
        >>> ignoring_below(freeseg.load(), 0.2).config.decision.ignore_below
        0.2
    """
    if confidence is None:
        return model
    decision = replace(model.config.decision, ignore_below=confidence)
    return model.with_config(replace(model.config, decision=decision))


def label_photo(task: LabellingTask, options: LabellingOptions, model: FreeSeg) -> Entry:
    """Label a photo, and write its mask and its confidence.

    Returns:
        The photo's entry for the manifest.

    Raises:
        PhotoError: The photo cannot be read.
        OutputError: A file cannot be written.
        FreeSegError: Anything else went wrong; the message names the photo.
    """
    try:
        return _label(task, options, model)
    except FreeSegError:
        raise
    except Exception as error:
        name = f"{task.source}/{task.file}"
        raise FreeSegError(
            f"{name} cannot be labelled ({type(error).__name__}: {reason(error)}); leave it out, and please report this"
        ) from error


def _bytes(confidence: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Confidence in [0, 1] as whole numbers from 0 to 255, some rows at a time."""
    whole = np.empty(confidence.shape, np.uint8)
    for top in range(0, len(whole), _ROWS):
        np.rint(confidence[top : top + _ROWS] * 255, out=whole[top : top + _ROWS], casting="unsafe")
    return whole


class FreeMask(NamedTuple):
    """What labelling gives of a photo.

    Attributes:
        mask: A palette PNG, or 16-bit grey with more than 255 labels; 255 is "don't know".
        confidence: 8-bit grey, where 255 is certain.
        labels: The names of the labels that may be in the photo.
        areas: Share of the pixels of each label that has any.
        ignored: Share of the pixels that are "don't know".
        model: Name of the model.
    """

    mask: Image.Image
    confidence: Image.Image
    labels: tuple[str, ...]
    areas: dict[str, float]
    ignored: float
    model: str


def free_mask(photo: Given, vocabulary: Vocabulary, known: Sequence[str], model: FreeSeg) -> FreeMask:
    """The free mask of a photo.

    Args:
        photo: As `FreeSeg.segment` takes it.
        vocabulary: The labels.
        known: The names of those that are known to be in it; if there are none, the presence rule decides.
        model: The model.

    Raises:
        PhotoError: The photo cannot be read.

    Example:
        >>> import freeseg
        >>> found = free_mask(Image.new("RGB", (64, 48), "green"), Vocabulary.of("cat, lawn"), ["lawn"], freeseg.load())
        >>> found.labels, found.mask.size
        (('lawn',), (64, 48))
    """
    result = model.segment_known(photo, vocabulary, known)
    confidence = Image.fromarray(_bytes(result.confidence))
    ignored = float(np.mean(result.mask == IGNORE))
    return FreeMask(result.mask_image(), confidence, result.candidates, result.areas(), ignored, result.model)


def _label(task: LabellingTask, options: LabellingOptions, model: FreeSeg) -> Entry:
    file = io.BytesIO(task.image)
    file.name = f"{task.source}/{task.file}"  # what errors call the photo
    found = free_mask(file, options.vocabulary, task.known, model)
    write_picture(options.folder / task.mask, found.mask, "PNG", **FLAT_PNG)
    write_picture(options.folder / task.confidence, found.confidence, "PNG")
    return Entry(
        source=task.source,
        file=task.file,
        width=found.mask.width,
        height=found.mask.height,
        mask=task.mask,
        confidence=task.confidence,
        known=task.rule,
        labels=found.labels,
        areas=found.areas,
        ignored=found.ignored,
        sha256=task.sha256,
        model=found.model,
        version=VERSION,
    )
