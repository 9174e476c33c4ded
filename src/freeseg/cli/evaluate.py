"""`freeseg evaluate`: VOC20, VOC21 and mSC of a model, on photos with masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import DEFAULT_MODEL, Device, Model


def evaluate(
    root: Annotated[Path, typer.Argument(help="Folder with JPEGImages/, SegmentationClass/ and a list of names.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Markdown file for the table.")] = None,
    record: Annotated[bool, typer.Option(help="Write the numbers into the model's config and card.")] = False,
    model: Model = DEFAULT_MODEL,
    device: Device = "cpu",
) -> None:
    """Measure a model on PASCAL VOC: VOC20 and VOC21 mIoU, mSC, presence F1. Masks are read for measuring only."""
    import freeseg
    from freeseg.cli.progress import progress
    from freeseg.data.segmentation import VocFolder
    from freeseg.evaluation import voc
    from freeseg.files import write_text
    from freeseg.models import checkpoint, find_model

    dataset = VocFolder(root)
    network = freeseg.load(model, device)
    with progress("evaluating") as update:
        scores = voc.evaluate(network, dataset, progress=lambda done, total: update(done, total, ""))
    text = "\n".join(voc.tables(scores)) + "\n"
    typer.echo(f"{network.config.name}, {len(dataset)} photos\n\n{text}")
    if record:
        checkpoint.record(
            find_model(model), {f"{key} ({len(dataset)} photos)": v for key, v in scores.numbers().items()}
        )
    if out:
        write_text(out, f"{network.config.name}, {len(dataset)} photos\n\n{text}")
