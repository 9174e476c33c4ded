"""Speed and masks of an exported model, beside PyTorch.

python -m benchmarks.onnx --out docs/benchmarks/onnx-speed.md --data VOC_FOLDER    # on an idle machine
python -m benchmarks.onnx --quick                                       # a check that everything runs
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import freeseg
from benchmarks import machine, photos
from benchmarks.page import deliver, head
from benchmarks.photos import SIZE
from benchmarks.tables import megabytes, ms, table
from benchmarks.timing import in_turns
from freeseg.data.segmentation import open_dataset
from freeseg.decision.maps import softmax, upsample
from freeseg.engines.choose import require_torch
from freeseg.engines.onnx_session import Session
from freeseg.evaluation.measure import evenly_spaced
from freeseg.evaluation.metrics import bootstrap
from freeseg.evaluation.metrics.confusion import confusion_matrix, mean_iou, nonzero_cells, pooled_confusion
from freeseg.evaluation.report.wording import bounds, percent, signed
from freeseg.export import Exported, export
from freeseg.export.graph import FixedVocabulary
from freeseg.photos import fit_short_side
from freeseg.pipeline import FreeSeg
from freeseg.prepared import Prepared
from freeseg.words import vocabulary

WORDS = vocabulary("voc21")
TORCH, FLOAT32, INT8 = "PyTorch", "onnxruntime, float32", "onnxruntime, int8"
REST = 0.3  # seconds between runtimes
Mask = NDArray[np.uint8]


class Scale(NamedTuple):
    """How much is measured: turns of the comparison, photos that int8 is calibrated on, photos with masks."""

    repeats: int = 15
    calibration: int = 20
    limit: int | None = None


QUICK = Scale(1, 2, 3)


def speed(model: FreeSeg, exported: Exported, scale: Scale) -> list[str]:
    """Pixels to logits, one photo at a time, with as many threads on every side."""
    seen, threads = model.config.preprocessing, torch.get_num_threads()
    width, height = fit_short_side(SIZE, seen.short_side, long_cap=seen.long_cap)
    pixels = torch.full((1, 3, height, width), 127.0)
    graph = FixedVocabulary(
        require_torch(model.engine).model, model.config.decision, model.embed_vocabulary(WORDS), background=True
    )
    files = {FLOAT32: exported.path, INT8: exported.int8}
    works: dict[str, Callable[[], object]] = {TORCH: partial(torch.inference_mode()(graph), pixels)}
    works |= {name: partial(Session(path, threads=threads), pixels.numpy()) for name, path in files.items() if path}
    seconds = in_turns(works, scale.repeats, rest=REST)
    sizes = {name: megabytes(path.stat().st_size / 1e6) for name, path in files.items() if path}
    rows = [
        [name, ms(taken), f"{1 / taken:.1f}", f"{seconds[TORCH] / taken:.2f}", sizes.get(name, "")]
        for name, taken in seconds.items()
    ]
    return [
        "## Speed",
        "",
        f"One picture of {width}x{height} at a time, from pixels to logits of {len(WORDS.labels)} labels and the "
        f"background, {threads} threads. Medians of {scale.repeats} turns, after one that does not count; in each of "
        f"them each rests for {REST} s and runs twice, and the second time counts.",
        "",
        *table(["what", "ms a photo", "photos/s", "times PyTorch's speed", "file"], rows),
    ]


def accuracy(model: FreeSeg, exported: Exported, data_folder: Path, scale: Scale) -> list[str]:
    """mIoU on photos with masks, without refinement, and how far the files are from PyTorch."""
    data = evenly_spaced(open_dataset("voc21", data_folder), scale.limit)
    decision = replace(model.config.decision, refine_steps=0, ignore_below=0.0)
    plain = model.with_config(replace(model.config, decision=decision))
    deciders: dict[str, Callable[[Prepared], Mask]] = {TORCH: partial(_by_torch, plain)}
    for name, path in ((FLOAT32, exported.path), (INT8, exported.int8)):
        if path:
            deciders[name] = partial(_by_file, Session(path))
    classes = len(data.classes)
    matrices: dict[str, list[list[tuple[int, int, int]]]] = {name: [] for name in deciders}
    same: dict[str, list[float]] = {name: [] for name in deciders}
    for item in data.items:
        prepared, truth = plain.prepare(item.photo), data.truth(item)
        masks = {name: decide(prepared) for name, decide in deciders.items()}
        for name, mask in masks.items():
            matrices[name].append(nonzero_cells(confusion_matrix(mask, truth, classes)))
            same[name].append(float((mask == masks[TORCH]).mean()))
    miou = {name: _percent(pooled_confusion(each, classes)) for name, each in matrices.items()}
    ones, rows = np.ones(len(data.items), np.int64), []
    for name, statistic in miou.items():
        change = bootstrap.paired(miou[TORCH], statistic, len(data.items))
        against = ["", ""] if name == TORCH else [signed(change.value), bounds(change)]
        rows.append([name, percent(statistic(ones)), *against, f"{np.mean(same[name]):.2%}"])
    return [
        "## Masks",
        "",
        f"mIoU of {data.name} on {len(data.items)} photos, percent, all without refinement (PAMR), which an ONNX file "
        "does not have. The 95 % interval of the difference is of a bootstrap that draws the same photos for both.",
        "",
        *table(["what", "mIoU", "difference", "95 % interval", "pixels as PyTorch"], rows),
    ]


def _percent(pooled: Callable[[bootstrap.Weights], NDArray[np.int64]]) -> Callable[[bootstrap.Weights], float]:
    return lambda weights: 100 * mean_iou(pooled(weights))


def _by_torch(model: FreeSeg, prepared: Prepared) -> Mask:
    """The library's own decision."""
    words = model.embed_vocabulary(WORDS)
    decided = model.decide(model.maps(prepared, words), words, prepared, background=True)
    return decided.labels.astype(np.uint8)


def _by_file(session: Session, prepared: Prepared) -> Mask:
    """What docs/guides/export.md tells a user of a file to do."""
    logits = session(prepared.pixels.transpose(2, 0, 1)[None].astype(np.float32))
    scores = upsample(softmax(logits[0]), prepared.photo.size[::-1])
    return np.asarray(scores.argmax(axis=0), np.uint8)


def page(name: str, data: Path | None, calibrate: Path | None, scale: Scale) -> str:
    """All measurements as Markdown."""
    clock, model = machine.Clock.now(), freeseg.load(name, engine="torch")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "photos").mkdir()
        if calibrate is None:
            photos.usual(folder / "photos", scale.calibration)
        exported = export(model, folder, WORDS, calibrate=calibrate or folder / "photos")
        sections = [speed(model, exported, scale)]
        if data:
            sections.append(accuracy(model, exported, data, scale))
    runtime = f"onnxruntime {metadata.version('onnxruntime')}"
    first = [
        *head(f"{model.config.name} as ONNX", "benchmarks.onnx", clock, runtime),
        "",
        f"The file in float32 differs from PyTorch by {exported.difference:.0e} at most, in logits. The file in int8 "
        f"was calibrated on {'photos of ' + calibrate.name if calibrate else 'crops of photos that libraries ship'}.",
    ]
    return "\n\n".join("\n".join(lines) for lines in [first, *sections]) + "\n"


def main() -> None:
    """Measure, then print the page or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=freeseg.models.DEFAULT, help="as freeseg export takes it")
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--data", type=Path, help="VOC's layout, photos with masks: measure masks as well")
    parser.add_argument("--calibrate", type=Path, help="folder of photos for int8 (default: photos of libraries)")
    parser.add_argument("--quick", action="store_true", help="few photos and turns: the numbers mean nothing")
    asked = parser.parse_args()
    deliver(page(asked.model, asked.data, asked.calibrate, QUICK if asked.quick else Scale()), asked.out)


if __name__ == "__main__":
    main()
