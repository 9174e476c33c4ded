"""Pictures of a training: its curves, and what the network makes of held-out photos."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from freeseg.files import write_bytes, write_picture
from freeseg.mask_values import IGNORE
from freeseg.results.overlay import overlay

GAP = 6
SMOOTHED = 50  # steps that a point of a curve is the mean of


class MaskPair(NamedTuple):
    """A photo, its free mask and the network's, with the same labels by index; 255 is "don't know"."""

    photo: Image.Image
    free: NDArray[np.uint8] | NDArray[np.uint16]
    network: NDArray[np.uint8] | NDArray[np.uint16]


def write_curves(
    path: Path, history: Sequence[dict[str, float]], agreement: Sequence[dict[str, float]], steps: int
) -> None:
    """Losses by step, and mean IoU with the free masks of held-out photos, as one PNG.

    Args:
        path: The file.
        history: The losses of each step so far.
        agreement: After each epoch, {"step", "mIoU"}, the latter in percent.
        steps: Steps of the whole training.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, shared = figure.subplots(1, 2)
    for name in history[0] if history else ():
        values = np.array([step[name] for step in history])
        window = max(1, min(SMOOTHED, len(values) // 4))
        kept = len(values) // window * window
        losses.plot(
            np.arange(window, kept + 1, window),
            values[:kept].reshape(-1, window).mean(axis=1),
            label=name,
            linewidth=1.5,
        )
    losses.set(title="loss", xlabel="step", xlim=(0, steps), ylim=(0, None))
    if history:
        losses.legend(frameon=False)
    shared.plot([point["step"] for point in agreement], [point["mIoU"] for point in agreement], marker="o")
    shared.set(title="mIoU with free masks kept aside, %", xlabel="step", xlim=(0, steps))
    for axes in (losses, shared):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
    encoded = io.BytesIO()
    figure.savefig(encoded, format="png", dpi=120)
    write_bytes(path, encoded.getbuffer())


def write_samples(path: Path, pairs: Sequence[MaskPair], labels: Sequence[str]) -> None:
    """Photos, each beside its free mask and the network's mask, in two columns, as one PNG."""
    rows = [_row(pair, labels) for pair in pairs]
    width = max(row.width for row in rows)
    left, right = rows[: (len(rows) + 1) // 2], rows[(len(rows) + 1) // 2 :]
    height = max(sum(row.height + GAP for row in side) for side in (left, right))
    sheet = Image.new("RGB", (2 * width + 4 * GAP if right else width, height), "white")
    for column, side in enumerate((left, right)):
        top = 0
        for row in side:
            sheet.paste(row, (column * (width + 4 * GAP), top))
            top += row.height + GAP
    write_picture(path, sheet, "PNG")


def _row(pair: MaskPair, labels: Sequence[str]) -> Image.Image:
    photo, *masks = pair
    pictures = [photo, *(overlay(photo, mask, labels, _areas(mask, labels)) for mask in masks)]
    row = Image.new("RGB", (sum(each.width + GAP for each in pictures), max(each.height for each in pictures)), "white")
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width + GAP
    return row


def _areas(mask: NDArray[np.uint8] | NDArray[np.uint16], labels: Sequence[str]) -> dict[str, float]:
    values, counts = np.unique(mask[mask != IGNORE], return_counts=True)
    order = np.argsort(-counts)
    return {labels[values[index]]: float(counts[index] / mask.size) for index in order}
