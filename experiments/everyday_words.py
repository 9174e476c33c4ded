"""What it is worth that everyday words are looked for by their other names: "sofa" as "couch", "animal" as "dog".

    python experiments/everyday_words.py --voc VOC_FOLDER voc20=VOC_FOLDER folder=MASKS_FOLDER

Photos are segmented by words, once alone and once with their other names. The first table has four general words: the
classes of VOC 2012 are put together into animals, vehicles, furniture and people; all others do not count. The second
one has the classes of the datasets that are named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

import freeseg
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.evaluation.metrics.confusion import class_mean, confusion_matrix, iou
from freeseg.evaluation.report.markdown_table import table
from freeseg.mask_values import IGNORE
from freeseg.words import Vocabulary

GROUPS = {
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "furniture": ("chair", "diningtable", "sofa"),
    "person": ("person",),
}
KINDS = (("the word alone", False), ("with its other names", True))


def main(
    voc: Annotated[Path, typer.Option(help="Folder in the layout of VOC 2012.")],
    sets: Annotated[list[str] | None, typer.Argument(metavar="[DATASET=FOLDER]...", help="Other datasets.")] = None,
) -> None:
    """Print the IoU of general words, and the mIoU of datasets, alone and with other names."""
    model, data = freeseg.load(), open_dataset("voc21", voc)
    values = np.full(256, IGNORE, np.uint8)
    values[0] = 0
    for index, classes in enumerate(GROUPS.values(), start=1):
        values[[data.classes.index(name) for name in classes]] = index
    rows = []
    for name, widened in KINDS:
        words = Vocabulary.of(list(GROUPS), everyday_words=widened)
        rows.append([name, *(f"{100 * score:.1f}" for score in measured(model, data, words, values)[1:])])
    typer.echo("\n".join(table([f"IoU on {len(data.items)} photos", *GROUPS], rows)))
    if not sets:
        return
    opened = [open_dataset(dataset, Path(folder)) for dataset, _, folder in (each.partition("=") for each in sets)]
    rows = [[name, *(mean_iou(model, each, widened) for each in opened)] for name, widened in KINDS]
    typer.echo("\n" + "\n".join(table(["mIoU", *sets], rows)))


def mean_iou(model: freeseg.FreeSeg, data: SegmentationData, widened: bool) -> str:
    """The mIoU of the classes of a dataset, in percent."""
    words = Vocabulary.of(data.classes[int(data.has_background) :], everyday_words=widened)
    found = measured(model, data, words, np.arange(256, dtype=np.uint8))
    return f"{100 * class_mean(found):.1f}"


def measured(
    model: freeseg.FreeSeg, data: SegmentationData, words: Vocabulary, values: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """The IoU of each label and of the background, where there is one; nan for what is nowhere.

    Args:
        model: What segments.
        data: The photos and their masks.
        words: The labels.
        values: For each value of a mask, the value that it has here.
    """
    count = len(words.names) + data.has_background
    counts = np.zeros((count, count + 1), np.int64)
    for item in data.items:
        mask = model.segment(item.photo, words, background=data.has_background).mask
        counts += confusion_matrix(mask, values[data.truth(item)], count)
    return iou(counts)


if __name__ == "__main__":
    typer.run(main)
