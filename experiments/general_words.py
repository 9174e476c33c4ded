"""What it is worth that a general word stands for its examples: "animal" for dogs and cats, "person" for a woman.

    python experiments/general_words.py --voc VOC_FOLDER

The classes of VOC 2012 are put together into animals, vehicles, furniture and people; all others do not count. A photo
is segmented by these four words, once alone and once with their examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import freeseg
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.evaluation.metrics.confusion import confusion_matrix, iou
from freeseg.evaluation.report.markdown_table import table
from freeseg.mask_values import IGNORE
from freeseg.words import Vocabulary

GROUPS = {
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "furniture": ("chair", "diningtable", "sofa"),
    "person": ("person",),
}
LABELS = list(GROUPS)


def main(voc: Annotated[Path, typer.Option(help="Folder in the layout of VOC 2012.")]) -> None:
    """Print the IoU of each word, alone and with its examples."""
    data, model = open_dataset("voc21", voc), freeseg.load(precision="float32")
    rows = []
    for name, widened in (("the word alone", False), ("with its examples", True)):
        scores = 100 * measured(model, data, Vocabulary.of(LABELS, general_words=widened))
        rows.append([name, *(f"{score:.1f}" for score in scores)])
    typer.echo("\n".join(table([f"IoU on {len(data.items)} photos", *LABELS], rows)))


def measured(model: freeseg.FreeSeg, data: SegmentationData, words: Vocabulary) -> np.ndarray:
    """The IoU of each group."""
    groups = np.full(256, IGNORE, np.uint8)
    groups[0] = 0
    for index, classes in enumerate(GROUPS.values(), start=1):
        groups[[data.classes.index(name) for name in classes]] = index
    counts = np.zeros((len(GROUPS) + 1, len(GROUPS) + 2), np.int64)
    for item in data.items:
        mask = model.segment(item.photo, words).mask
        counts += confusion_matrix(mask, groups[data.truth(item)], len(GROUPS) + 1)
    return iou(counts)[1:]


if __name__ == "__main__":
    typer.run(main)
