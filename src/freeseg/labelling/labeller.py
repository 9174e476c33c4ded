"""One photo: its bytes in, its mask and its confidence on disk, its entry back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from freeseg import pipeline
from freeseg.data.free_masks import Entry, MaskSettings
from freeseg.files import write_picture
from freeseg.labelling.tasks import LabellingTask
from freeseg.mask_values import IGNORE
from freeseg.models.towers.pair import lasting
from freeseg.photos import read_bytes
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary

VERSION = metadata.version("freeseg")


@dataclass(frozen=True)
class Plan:
    """How photos are labelled. A plain value, so that it can be sent to another process.

    Attributes:
        folder: Where free masks go.
        vocabulary: The labels.
        model, device: As `freeseg.load` takes them.
        ignore_below: Pixels less sure than this become "don't know"; None for the model's own rule.
    """

    folder: Path
    vocabulary: Vocabulary
    model: str
    device: str = "cpu"
    ignore_below: float | None = None

    def load(self) -> FreeSeg:
        """The model, with the plan's rule.

        Raises:
            WeightsError: No such model, or it cannot be used.
        """
        model = pipeline.load(self.model, self.device)
        if self.ignore_below is not None:
            decision = replace(model.config.decision, ignore_below=self.ignore_below)
            model = model.with_config(replace(model.config, decision=decision))
        return model

    def settings(self, model: FreeSeg) -> MaskSettings:
        """What all masks of this plan have in common."""
        config = model.config
        place = lasting(self.model)
        return MaskSettings(self.vocabulary, config.name, place, model.weights_sha256, VERSION, asdict(config.decision))


def label_photo(job: LabellingTask, plan: Plan, model: FreeSeg) -> Entry:
    """Label a photo and write its mask and its confidence.

    Raises:
        PhotoError: The photo cannot be read.
        OutputError: A file cannot be written.
    """
    photo = read_bytes(job.image, f"{job.source}/{job.file}")
    result = model.segment_known(photo, plan.vocabulary, job.known)
    confidence = Image.fromarray(np.rint(result.confidence * 255).astype(np.uint8))
    for path, image in ((job.mask, result.mask_image()), (job.confidence, confidence)):
        write_picture(plan.folder / path, image, "PNG")
    return Entry(
        source=job.source,
        file=job.file,
        width=result.photo.width,
        height=result.photo.height,
        mask=job.mask,
        confidence=job.confidence,
        known=job.rule,
        labels=result.candidates,
        areas=result.areas(),
        ignored=float(np.mean(result.mask == IGNORE)),
        sha256=job.sha256,
        model=result.model,
        version=VERSION,
    )
