"""Pictures of a few photos of an evaluation: the photo, its truth, what the model says, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.data.segmentation import SegmentationData, check_size
from freeseg.evaluation import measure
from freeseg.evaluation.metrics.confusion import class_mean, confusion_matrix, iou, share
from freeseg.evaluation.protocols import Protocol
from freeseg.pipeline import FreeSeg
from freeseg.results.drawing import display_palette
from freeseg.results.heatmap import heatmap
from freeseg.results.overlay import overlay

LONGEST_SIDE = 480


class Seen(NamedTuple):
    """A class in a photo.

    Attributes:
        name: The class.
        colour: Its colour in the masks, red, green, blue.
        truth: Its part of the pixels that count, in percent.
        prediction: The same of the prediction.
        iou: In this photo, in percent; NaN if it is in neither.
    """

    name: str
    colour: tuple[int, int, int]
    truth: float
    prediction: float
    iou: float


class Pictured(NamedTuple):
    """A photo of an evaluation in pictures of one size, each side at most LONGEST_SIDE.

    Attributes:
        name: The photo.
        iou: Mean IoU over the classes in its truth, in percent.
        photo: The photo.
        truth: Its mask in colours, grey where no pixel counts.
        prediction: The model's mask, grey where it does not know.
        overlay: That mask over the photo.
        itsm: The similarity map of `itsm_of` over the photo; None where no class has a map.
        itsm_of: The class.
        classes: Those in truth or prediction, the largest in the truth first.
    """

    name: str
    iou: float
    photo: Image.Image
    truth: Image.Image
    prediction: Image.Image
    overlay: Image.Image
    itsm: Image.Image | None
    itsm_of: str
    classes: tuple[Seen, ...]


def gallery(
    model: FreeSeg,
    data: SegmentationData,
    protocol: Protocol,
    setting: str,
    names: Iterable[str],
    best: bool = False,
) -> list[Pictured]:
    """Run a model again on a few photos of a dataset, for their pictures.

    Args:
        model: The model that was measured,
        data: on this dataset,
        protocol: under this protocol,
        setting: in this setting.
        names: The photos, in the order to show them.
        best: Whether the map shown is that of the class that went best, not worst, of those in the photo.

    Raises:
        DataError: A mask cannot be used.
        PhotoError: A photo cannot be read.
    """
    measured, words = measure.set_up(model, data, protocol, setting)
    items = {item.name: item for item in data.items}
    pictures = []
    for item in (items[name] for name in names):
        prepared, truth = measured.prepare(item.photo), data.truth(item)
        check_size(item, truth, prepared.photo.size)
        prediction = measure.predict(measured, words, prepared, protocol, data.has_background)
        pictures.append(pictured(item.name, prepared.photo, truth, prediction, data, best))
    return pictures


def pictured(
    name: str,
    photo: Image.Image,
    truth: NDArray[np.uint8],
    prediction: measure.Prediction,
    data: SegmentationData,
    best: bool = False,
) -> Pictured:
    """The pictures of one photo (W, H) with its truth (H, W) and what a model says of it.

    Example:
        >>> data = SegmentationData("mine", ("sky", "cat"), False, (), np.arange(256, dtype=np.uint8))
        >>> truth, mask = np.array([[0, 1]], np.uint8), np.array([[0, 0]], np.uint8)
        >>> said = measure.Prediction(mask, np.ones((1, 2), np.float32), np.zeros((2, 1, 1), np.float32))
        >>> found = pictured("a", Image.new("RGB", (2, 1)), truth, said, data)
        >>> found.iou, found.itsm_of, [each.prediction for each in found.classes]
        (25.0, 'cat', [100.0, 0.0])
    """
    matrix, labels = confusion_matrix(prediction.mask, truth, len(data.classes)), data.classes
    ious, present = iou(matrix), np.flatnonzero(matrix.sum(axis=1))
    small = photo.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    true, said = (_resized(mask, small.size) for mask in (truth, prediction.mask))
    shown = _explained(ious, present, int(data.has_background), best)
    legend = overlay(small, said, labels, {})
    return Pictured(
        name=name,
        iou=100 * class_mean(ious[present]),
        photo=small,
        truth=_coloured(true, labels),
        prediction=_coloured(said, labels),
        overlay=legend.crop((0, 0, *small.size)),
        itsm=None if shown is None else heatmap(prediction.maps[shown - data.has_background], small),
        itsm_of="" if shown is None else labels[shown],
        classes=_seen(matrix, ious, labels),
    )


def _explained(ious: NDArray[np.float64], present: NDArray[np.int64], first: int, best: bool) -> int | None:
    """The class whose map is shown: of those in the photo, background not among them, the worst or the best."""
    order = sorted((label for label in present.tolist() if label >= first), key=lambda label: ious[label])
    return (order[-1] if best else order[0]) if order else None


def _resized(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _coloured(mask: NDArray[np.uint8], labels: tuple[str, ...]) -> Image.Image:
    return Image.fromarray(display_palette(labels)[mask])


def _seen(matrix: NDArray[np.int64], ious: NDArray[np.float64], labels: tuple[str, ...]) -> tuple[Seen, ...]:
    colours = display_palette(labels).tolist()
    truth, shown = matrix.sum(axis=1), matrix[:, :-1].sum(axis=0)
    parts = (share(pixels, np.full(len(labels), matrix.sum())) for pixels in (truth, shown))
    percents = [(100 * column).tolist() for column in (*parts, ious)]
    order = sorted(np.flatnonzero(truth + shown).tolist(), key=lambda label: (-truth[label], -shown[label]))
    return tuple(Seen(labels[i], tuple(colours[i]), *(column[i] for column in percents)) for i in order)
