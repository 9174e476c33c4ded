"""Labelling one photo: how it is done, and the files that it gives."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Annotated

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
from freeseg.pipeline import FreeSeg
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
        if self.ignore_below is not None:
            decision = replace(model.config.decision, ignore_below=self.ignore_below)
            model = model.with_config(replace(model.config, decision=decision))
        return model

    def settings(self, model: FreeSeg) -> MaskSettings:
        """What all masks that the model makes with these options have in common."""
        config = model.config
        place = full_name(self.model)
        decision, precision, views = asdict(config.decision), model.engine.precision, sorted(set(self.views))
        return MaskSettings(
            self.vocabulary, config.name, place, model.weights_sha256, VERSION, decision, precision, tuple(views)
        )


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


def _label(task: LabellingTask, options: LabellingOptions, model: FreeSeg) -> Entry:
    file = io.BytesIO(task.image)
    file.name = f"{task.source}/{task.file}"  # what errors call the photo
    result = model.segment_known(file, options.vocabulary, task.known)
    confidence = Image.fromarray(_bytes(result.confidence))
    write_picture(options.folder / task.mask, result.mask_image(), "PNG", **FLAT_PNG)
    write_picture(options.folder / task.confidence, confidence, "PNG")
    return Entry(
        source=task.source,
        file=task.file,
        width=result.photo.width,
        height=result.photo.height,
        mask=task.mask,
        confidence=task.confidence,
        known=task.rule,
        labels=result.candidates,
        areas=result.areas(),
        ignored=float(np.mean(result.mask == IGNORE)),
        sha256=task.sha256,
        model=result.model,
        version=VERSION,
    )
