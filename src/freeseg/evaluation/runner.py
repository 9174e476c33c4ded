"""A whole evaluation in one call: of a loaded model, or from names to a report on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import scipy  # noqa: F401 - the metrics need it; where it is missing, that is said before the work

import freeseg
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.errors import FreeSegError
from freeseg.evaluation.measure import describe_run, evenly_spaced, measure_photos
from freeseg.evaluation.names import ProtocolName, SettingName
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.protocols import protocol as protocol_of
from freeseg.evaluation.report.gallery import gallery
from freeseg.evaluation.report.markdown import markdown
from freeseg.evaluation.report.page import page
from freeseg.evaluation.report.report import NAME, Report
from freeseg.evaluation.report.summary import card_metrics
from freeseg.files import write_text
from freeseg.models import DEFAULT, card, find_model, read_config
from freeseg.models.precisions import canonical_precision
from freeseg.pipeline import FreeSeg

PICTURED_PHOTOS = 6  # with the lowest mIoU, and as many with the highest
JOURNAL, MARKDOWN, PAGE = "photos.jsonl", "report.md", "report.html"


def run(
    model: str = DEFAULT,
    *,
    dataset: str,
    root: Path | str,
    out: Path | str,
    classes: Path | str | None = None,
    setting: SettingName = "freeseg",
    protocol: ProtocolName = "freeseg",
    revision: str | None = None,
    mode: str | None = None,
    engine: str = "auto",
    precision: str | None = None,
    short_side: int | None = None,
    onnx: Path | str | None = None,
    device: str = "cpu",
    workers: int = 2,
    limit: int | None = None,
    record: bool = False,
    command: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Measure a model on photos with masks, and write `report.json`, `report.md` and `report.html`.

    An evaluation that was stopped goes on after its last photo when it is run again with the same options and `out`.

    Args:
        model: An embedded model's name, a model folder, or a CLIP of huggingface.co.
        dataset: A dataset's name ("voc21", "voc20", "context60", "ade20k", ...), or "folder".
        root: The folder in which the dataset lies, as its authors pack it.
        out: The folder to write to; it is created where it does not exist.
        classes: A JSON file with the classes, for the dataset "folder".
        setting: The words and the refinement: "freeseg", "plain", "aliases" or "refined".
        protocol: Sizes, windows and decision: "freeseg", "sclip", "clearclip" or "tcl".
        revision: Branch, tag or commit on huggingface.co.
        mode: The dense mode of a CLIP; None for its family's own.
        engine: "onnxruntime", "torch", or "auto" for the one that `freeseg.load` chooses.
        precision: "int8", "float32", "bfloat16" or "float16"; None for the one that `freeseg.load` chooses.
        short_side: Pixels at which the model sees a photo's shorter side; None for the model's own.
        onnx: A file that `freeseg export` wrote of this model for any words; onnxruntime runs it.
        device: "cpu", "cuda", "mps", ...
        workers: How many threads read photos and masks; 0 reads them in this one.
        limit: At most this many photos, evenly spread over the dataset.
        record: Whether the headline numbers are written into the model's config and card.
        command: The command line, for the report.
        progress: Called with how many photos are done, and of how many.

    Returns:
        The report that was written.

    Raises:
        FreeSegError: A name is unknown, or options contradict one another.
        DataError: The dataset cannot be used, or one of its masks cannot.
        PhotoError: A photo cannot be read.
        WeightsError: The model cannot be loaded.
        OutputError: `out` cannot be written, or holds half of another evaluation.
    """
    if record:
        precision = _refuse_to_record(model, precision or "float32", short_side, onnx)
    rules = protocol_of(protocol, dataset)
    if short_side is not None and rules.short_side is not None:
        raise FreeSegError(f"the protocol {protocol} has a short side of its own; leave --short-side out")
    opened = open_dataset(dataset, root, classes=classes)
    data = evenly_spaced(opened, limit)
    loaded = freeseg.load(
        model,
        engine=engine,
        precision=precision,
        device=device,
        revision=revision,
        mode=mode,
        short_side=short_side,
        onnx=onnx,
    )
    journal = Path(out) / JOURNAL
    records = measure_photos(loaded, data, rules, setting=setting, journal=journal, workers=workers, progress=progress)
    report = Report(describe_run(loaded, data, rules, setting=setting, command=command), records)
    worst = gallery(loaded, data, rules, report.worst(PICTURED_PHOTOS), setting=setting)
    best = gallery(loaded, data, rules, report.best(PICTURED_PHOTOS), setting=setting, best=True)
    report.save(Path(out) / NAME)
    write_text(Path(out) / MARKDOWN, markdown(report))
    write_text(Path(out) / PAGE, page(report, worst=worst, best=best))
    journal.unlink()
    if record:
        card.record(find_model(model), card_metrics(report))
    return report


def evaluate(model: FreeSeg, data: SegmentationData, protocol: Protocol, *, setting: str = "freeseg") -> Report:
    """Measure a model that is loaded on a dataset that is open; no file is written.

    The arguments and errors are those of `measure.measure_photos`.
    """
    records = measure_photos(model, data, protocol, setting=setting)
    return Report(describe_run(model, data, protocol, setting=setting), records)


def _refuse_to_record(model: str, precision: str, short_side: int | None, onnx: Path | str | None) -> str:
    """A card lists the numbers of the model as it is. Say before the work what cannot be recorded.

    Returns:
        The precision to measure at.

    Raises:
        FreeSegError: The model would be measured in another form than its own.
        WeightsError: The model has no card: it is a CLIP of others.
    """
    if short_side is not None or onnx is not None or canonical_precision(precision) != "float32":
        raise FreeSegError("--record is for the model as it is; leave --short-side, --precision and --onnx out")
    read_config(find_model(model))
    return precision
