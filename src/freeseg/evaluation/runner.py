"""A whole evaluation in one call: of a loaded model, or from names to a report on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Unpack

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
from freeseg.files import remove_half_written, write_text
from freeseg.loading import LoadOptions
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
    workers: int = 2,
    limit: int | None = None,
    record: bool = False,
    command: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
    **options: Unpack[LoadOptions],
) -> Report:
    """Measure a model on photos with masks, and write `report.json`, `report.md` and `report.html`.

    An evaluation that was stopped goes on after its last photo when it is run again with the same options and `out`.

    Args:
        model: An embedded model's name, a model folder, or a CLIP of huggingface.co.
        dataset: A dataset's name ("voc21", "voc20", "context60", "ade20k", ...), or "folder".
        root: The folder in which the dataset lies, as its authors pack it.
        out: The folder to write to; it is created where it does not exist.
        classes: A JSON file with the classes, for the dataset "folder".
        setting: The words and the refinement: "freeseg", "plain", "aliases", "refined" or "typed".
        protocol: Sizes, windows and decision: "freeseg", "sclip", "clearclip" or "tcl".
        workers: How many threads read photos and masks; 0 reads them in this one.
        limit: At most this many photos, evenly spread over the dataset.
        record: Whether the headline numbers are written into the model's config and card.
        command: The command line, for the report.
        progress: Called with how many photos are done, and of how many.
        options: Engine, precision, device and what else `freeseg.load` takes.

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
        options["precision"] = _precision_to_record(model, options)
    rules = protocol_of(protocol, dataset)
    if rules.short_side is not None and (options.get("short_side") is not None or options.get("views")):
        raise FreeSegError(f"the protocol {protocol} has a short side of its own; leave --short-side and --views out")
    opened = open_dataset(dataset, root, classes=classes)
    data = evenly_spaced(opened, limit)
    loaded = freeseg.load(model, **options)
    journal = Path(out) / JOURNAL
    remove_half_written(Path(out), recursive=False)
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


def _precision_to_record(model: str, options: LoadOptions) -> str:
    """The precision to measure at: a card lists the numbers of the model as it is.

    Raises:
        FreeSegError: The model would be measured in another form than its own.
        WeightsError: The model has no card: it is a CLIP of others.
    """
    precision = str(options.get("precision") or "float32")
    as_it_is = options.get("short_side") is None and options.get("onnx") is None and not options.get("views")
    if not as_it_is or canonical_precision(precision) != "float32":
        raise FreeSegError(
            "--record is for the model as it is; leave --short-side, --views, --precision and --onnx out"
        )
    read_config(find_model(model))
    return precision
