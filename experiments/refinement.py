"""Refinement as FreeSeg has it and as its authors' code has it (PAMR, arXiv 2005.08104), measured on the same photos.

    python experiments/refinement.py --voc VOC_FOLDER

The authors' code counts the centre pixel among those of which the deviation is taken, once for each distance, and adds
1e-8 to a tenth of it. FreeSeg takes the neighbours' deviation alone and adds 1e-3 to it, so that noise in flat places
makes no edges. Both are measured within everything else that `freeseg-lite` does, in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import typer
from shared import OWN_PROTOCOL, Table, VocRoot

import freeseg
from freeseg.cli.progress import progress
from freeseg.data.segmentation import open_dataset
from freeseg.decision import refinement
from freeseg.decision.maps import Maps, softmax
from freeseg.evaluation import Report
from freeseg.evaluation.measure import describe_run, evenly_spaced, measure_photos
from freeseg.evaluation.metrics.confusion import MEAN_IOU
from freeseg.evaluation.report.compare import compare
from freeseg.evaluation.report.markdown_table import table as markdown_table
from freeseg.files import write_text

Affinity = Callable[..., Maps]
DATASETS = ("voc20", "voc21")
AUTHORS_EPSILON = 1e-8


def main(voc_root: VocRoot, table: Table = None, limit: int | None = None) -> None:
    """Measure both, and print the table."""
    ours, theirs = (measured(voc_root, affinity, limit) for affinity in (refinement.affinity, authors_affinity))
    rows = [[name, *map(miou, reports)] for name, reports in (("FreeSeg's", ours), ("the authors'", theirs))]
    rows.append(["the authors' minus FreeSeg's", *map(change, ours, theirs)])
    columns = ["PAMR with the deviation", *(f"{name.upper()} mIoU" for name in DATASETS)]
    text = "\n".join(markdown_table(columns, rows)) + "\n"
    typer.echo(text, nl=False)
    if table:
        write_text(table, text)


def measured(root: Path, affinity: Affinity, limit: int | None) -> list[Report]:
    """The reports of `freeseg-lite` on both datasets, with this affinity between pixels."""
    model, reports = freeseg.load(precision="float32"), []
    for data in (evenly_spaced(open_dataset(name, root), limit) for name in DATASETS):
        with refined_by(affinity), progress("photos") as update:
            records = measure_photos(model, data, OWN_PROTOCOL, progress=update)
        reports.append(Report(describe_run(model, data, OWN_PROTOCOL), records))
    return reports


def authors_affinity(photo: Maps, dilations: tuple[int, ...] = refinement.DILATIONS) -> Maps:
    """`refinement.affinity` by the formula of the authors' code."""
    reach = max(dilations)
    around = np.stack(refinement._neighbours(refinement._continued(photo, reach), reach, dilations), axis=1)
    centres = np.repeat(photo[:, None], len(dilations), axis=1)
    deviation = np.concatenate([around, centres], axis=1).std(axis=1, keepdims=True, ddof=1)
    difference = np.abs(around - photo[:, None]) / (deviation / refinement.SHARPNESS + np.float32(AUTHORS_EPSILON))
    return softmax(-difference.mean(axis=0))


@contextmanager
def refined_by(affinity: Affinity) -> Iterator[None]:
    """Let masks be refined by this affinity in here."""
    own, refinement.affinity = refinement.affinity, affinity
    try:
        yield
    finally:
        refinement.affinity = own


def miou(report: Report) -> str:
    """The mIoU in percent."""
    return f"{report.numbers()[MEAN_IOU.name].value:.2f}"


def change(first: Report, second: Report) -> str:
    """The difference of the mIoU, with its 95 % interval over the photos."""
    found = next(each.change for each in compare(first, second).differences if each.metric is MEAN_IOU)
    return f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


if __name__ == "__main__":
    typer.run(main)
