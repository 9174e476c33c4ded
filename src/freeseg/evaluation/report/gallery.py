"""Pictures of a few photos of an evaluation: the photo, its truth, what the model says, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.data.segmentation import SegmentationData, check_size
from freeseg.evaluation.measure import apply_protocol, predict
from freeseg.evaluation.metrics.confusion import class_mean, confusion_matrix, iou, share
from freeseg.evaluation.metrics.metric import Prediction
from freeseg.evaluation.protocols import Protocol
from freeseg.pipeline import FreeSeg
from freeseg.results.drawing import display_palette
from freeseg.results.heatmap import heatmap
from freeseg.results.overlay import overlay

LONGEST_SIDE = 480


class ClassInPhoto(NamedTuple):
    """A class that is in the truth or the prediction of a photo.

    Attributes:
        name: The class.
        colour: Its colour in the masks (red, green, blue).
        truth: Its share of the truth's pixels that count, in percent.
        prediction: Its share of the same pixels in the prediction, in percent.
        iou: Its IoU in this photo, in percent.
    """

    name: str
    colour: tuple[int, int, int]
    truth: float
    prediction: float
    iou: float


class PhotoPictures(NamedTuple):
    """One photo of an evaluation in pictures of the same size, each side at most LONGEST_SIDE.

    Attributes:
        name: The photo's name.
        iou: The mean IoU over the classes in its truth, in percent.
        photo: The photo itself.
        truth: The true mask in colours, grey where pixels do not count.
        prediction: The model's mask in colours, grey where it does not know.
        overlay: The model's mask over the photo.
        itsm: The similarity map of the class `itsm_of` over the photo; None if no class in the photo has a map.
        itsm_of: The class whose similarity map is shown.
        classes: The classes in truth or prediction, the largest in the truth first.
    """

    name: str
    iou: float
    photo: Image.Image
    truth: Image.Image
    prediction: Image.Image
    overlay: Image.Image
    itsm: Image.Image | None
    itsm_of: str
    classes: tuple[ClassInPhoto, ...]


def gallery(
    model: FreeSeg,
    data: SegmentationData,
    protocol: Protocol,
    names: Iterable[str],
    *,
    setting: str,
    best: bool = False,
) -> list[PhotoPictures]:
    """Run a model again on a few photos of a dataset, and draw what it says of them.

    Args:
        model: The model that was measured.
        data: The dataset.
        protocol: The protocol that it was measured under.
        names: The names of the photos, in the order to show them.
        setting: The setting that it was measured in.
        best: Whether to show the similarity map of the class with the highest IoU in each photo, not the lowest.

    Raises:
        DataError: A mask cannot be used.
        PhotoError: A photo cannot be read.
    """
    measured, words = apply_protocol(model, data, protocol, setting=setting)
    items = {item.name: item for item in data.items}
    pictures = []
    for item in (items[name] for name in names):
        prepared, truth = measured.prepare(item.photo), data.truth(item)
        check_size(item, truth, prepared.photo.size)
        prediction = predict(measured, words, prepared, protocol, has_background=data.has_background)
        pictures.append(draw_photo(item.name, prepared.photo, truth, prediction, data, best=best))
    return pictures


def draw_photo(
    name: str,
    photo: Image.Image,
    truth: NDArray[np.uint8],
    prediction: Prediction,
    data: SegmentationData,
    *,
    best: bool = False,
) -> PhotoPictures:
    """The pictures of one photo, of its truth (H, W) and of what a model says of it.

    Example:
        >>> data = SegmentationData("mine", ("sky", "cat"), False, (), np.arange(256, dtype=np.uint8))
        >>> truth, mask = np.array([[0, 1]], np.uint8), np.array([[0, 0]], np.uint8)
        >>> prediction = Prediction(mask, np.ones((1, 2), np.float32), np.zeros((2, 1, 1), np.float32))
        >>> pictures = draw_photo("a", Image.new("RGB", (2, 1)), truth, prediction, data)
        >>> pictures.iou, pictures.itsm_of, [each.prediction for each in pictures.classes]
        (25.0, 'cat', [100.0, 0.0])
    """
    matrix, labels = confusion_matrix(prediction.mask, truth, len(data.classes)), data.classes
    ious, present = iou(matrix), np.flatnonzero(matrix.sum(axis=1))
    small = photo.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    true, predicted = (_resized(mask, small.size) for mask in (truth, prediction.mask))
    shown = _class_of_map(ious, present, int(data.has_background), best)
    legend = overlay(small, predicted, labels, {})
    return PhotoPictures(
        name=name,
        iou=100 * class_mean(ious[present]),
        photo=small,
        truth=_coloured(true, labels),
        prediction=_coloured(predicted, labels),
        overlay=legend.crop((0, 0, *small.size)),
        itsm=None if shown is None else heatmap(prediction.maps[shown - data.has_background], small),
        itsm_of="" if shown is None else labels[shown],
        classes=_classes(matrix, ious, labels),
    )


def _class_of_map(ious: NDArray[np.float64], present: NDArray[np.int64], first: int, best: bool) -> int | None:
    """The class whose map is shown: the one with the lowest or highest IoU in the photo, the background left out."""
    order = sorted((label for label in present.tolist() if label >= first), key=lambda label: ious[label])
    return (order[-1] if best else order[0]) if order else None


def _resized(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _coloured(mask: NDArray[np.uint8], labels: tuple[str, ...]) -> Image.Image:
    return Image.fromarray(display_palette(labels)[mask])


def _classes(matrix: NDArray[np.int64], ious: NDArray[np.float64], labels: tuple[str, ...]) -> tuple[ClassInPhoto, ...]:
    colours = display_palette(labels).tolist()
    truth, shown = matrix.sum(axis=1), matrix[:, :-1].sum(axis=0)
    parts = (share(pixels, np.full(len(labels), matrix.sum())) for pixels in (truth, shown))
    percents = [(100 * column).tolist() for column in (*parts, ious)]
    order = sorted(np.flatnonzero(truth + shown).tolist(), key=lambda label: (-truth[label], -shown[label]))
    return tuple(ClassInPhoto(labels[i], tuple(colours[i]), *(column[i] for column in percents)) for i in order)
