"""What every export does: choose photos, write a file, and compare it with PyTorch before it gets its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor

from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError
from freeseg.export.comparison import agreement, largest_difference
from freeseg.export.description import Description, attach
from freeseg.export.graph import Graph
from freeseg.export.int8 import quantise
from freeseg.files import atomic_path
from freeseg.photos import find_photos
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary

CALIBRATION_PHOTOS = 32  # photos that show over which range activations vary
COMPARED_PHOTOS = 8  # photos on which a file in 8 bits is compared with PyTorch
MIN_AGREEMENT = 0.5  # share of patches for which it must choose the same word


def write_float32(
    proto: onnx.ModelProto,
    described: Description,
    path: Path,
    graph: Graph,
    others: tuple[Tensor, ...],
    short_side: int,
    stride: int,
    *,
    tolerance: float | None = None,
) -> float:
    """Write a file, or raise an error if its output differs from the graph's; gives the largest difference.

    Args:
        proto: What to write.
        described: What it says of itself.
        path: Where to write it.
        graph: The graph in PyTorch.
        others: The graph's inputs after the pixels.
        short_side: The shorter side of photos, in pixels, as the model sees them.
        stride: The side of a patch, in pixels.
        tolerance: The largest difference that is accepted; None for the graph's own.

    Raises:
        FreeSegError: The file does not run, or its output differs more.
        OutputError: The file cannot be written.
    """
    tolerance = graph.tolerance if tolerance is None else tolerance
    attach(proto, described)
    with atomic_path(path) as temporary:
        onnx.save(proto, temporary)
        difference = largest_difference(graph, Session(temporary), others, short_side=short_side, stride=stride)
        if not difference <= tolerance:
            raise FreeSegError(
                f"the {graph.output} of {path.name} differ from PyTorch's by {difference:.1e}, more than "
                f"{tolerance:.0e}; it was not left behind: use the model in PyTorch"
            )
    return difference


def write_int8(
    proto: onnx.ModelProto,
    described: Description,
    path: Path,
    graph: Graph,
    inputs: Sequence[tuple[Tensor, ...]],
) -> float:
    """Write a file in 8 bits, or raise an error if it mostly chooses other words; gives the share of equal choices."""
    rounded = quantise(proto, inputs)
    attach(rounded, described)
    with atomic_path(path) as temporary:
        onnx.save(rounded, temporary)
        share = agreement(graph, Session(temporary), inputs[:COMPARED_PHOTOS])
        if share < MIN_AGREEMENT:
            raise FreeSegError(
                f"{path.name} chooses as PyTorch does for {share:.0%} of the patches only, less than "
                f"{MIN_AGREEMENT:.0%}; it was not left behind: use the file without int8"
            )
    return share


def calibration_photos(model: FreeSeg, folder: Path) -> list[Tensor]:
    """Pixels (1, 3, H, W) float32 of some photos of a folder, evenly spaced, as the model sees them."""
    found = find_photos([folder])
    chosen = found[:: -(-len(found) // CALIBRATION_PHOTOS)]
    pixels = (model.prepare(photo.path).pixels for photo in chosen)
    return [torch.from_numpy(each).permute(2, 0, 1)[None].float() for each in pixels]


def text_rows(model: FreeSeg, words: Vocabulary) -> Tensor:
    """Text embeddings of all aliases (A, D), float32."""
    return torch.from_numpy(model.embed_vocabulary(words.with_background_words(())).embeddings)
