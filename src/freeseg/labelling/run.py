"""Labelling all photos of some sources. What is done stays done, however a run ends."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from freeseg.data import PhotoSource, open_sources
from freeseg.data.free_masks import (
    CONFIDENCE,
    LABELS,
    MASKS,
    Entry,
    FreeMasks,
    is_parquet,
    open_free_masks,
    write_settings,
)
from freeseg.errors import DataError, OutputError, shortened
from freeseg.files import file_lock, remove_half_written, write_picture
from freeseg.labelling.contact_sheet import contact_sheet, draw_sample, thumbnail
from freeseg.labelling.manifest import Manifest
from freeseg.labelling.photo import LabellingOptions
from freeseg.labelling.processes import (
    Outcome,
    default_workers,
    label_in_processes,
    label_in_this_process,
)
from freeseg.labelling.tasks import LabellingTask, labelling_tasks, source_names
from freeseg.models import DEFAULT
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary

SHEET = "contact-sheet.png"
Progress = Callable[[int, int, str], None]  # photos done, photos in all, the last photo's stem
# What labels photos somewhere, as `label_in_this_process` does here.
Labeller = Callable[[Iterator[LabellingTask], LabellingOptions, FreeSeg], Generator[tuple[LabellingTask, Outcome]]]


@dataclass(frozen=True)
class LabellingResult:
    """What a run of `label` did.

    Attributes:
        masks: The folder of free masks.
        labelled: How many photos were labelled in this run; the others in the folder were done before.
        removed: How many photos that were labelled before are no longer in their source, and so left the manifest.
        failed: For each photo that could not be read, or whose files could not be written, one line that says why.
    """

    masks: FreeMasks
    labelled: int
    removed: int
    failed: list[str]


def label(
    sources: Sequence[PhotoSource | str | Path] | str | Path,
    out: str | Path,
    *,
    labels: Vocabulary | str | Iterable[str],
    model: str | Path = DEFAULT,
    device: str = "cpu",
    engine: str = "auto",
    precision: str = "float32",
    ignore_below: float | None = None,
    views: Sequence[int] | None = None,
    workers: int | None = None,
    labeller: Labeller | None = None,
    sample: int = 24,
    seed: int = 0,
    progress: Progress = lambda done, total, stem: None,
) -> LabellingResult:
    """Make free masks of all photos of some sources, for a segmentation network to be trained on.

    Where a photo has captions that mention labels, only those labels may be in it; else the model's presence rule
    decides. A run that is stopped, at any moment and by whatever, is continued by the next one with the same arguments,
    and the folder ends up the same to the byte.

    Args:
        sources: Paths as `freeseg.data.open_sources` takes them, or sources that it opened; a lone path is one source.
        out: Folder for the free masks; made if need be.
        labels: The labels, as `FreeSeg.segment` takes them.
        model: As `freeseg.load` takes it.
        device, engine: As `freeseg.load` takes them.
        precision: As `freeseg.load` takes it. "int8" is faster; the default gives the same masks on every processor.
        ignore_below: Pixels with a lower confidence, in [0, 1], become "don't know"; None for the model's own rule.
        views: As `freeseg.load` takes them: better masks in more time.
        workers: How many processes label photos, each with a model; 1 labels in this process. None for as many as
            there are cores, up to 8, or for 1 on a GPU.
        labeller: What labels photos elsewhere, such as `freeseg.distributed.labelling.label_on_ray`; None for `workers`
            on this machine.
        sample: How many photos are on the contact sheet, drawn at random; 0 for no sheet.
        seed: Of the random sample.
        progress: Called after each photo.

    Raises:
        DataError: Two sources have the same name, a source cannot be read, or the manifest is damaged.
        LabelError: The labels cannot be used.
        WeightsError: There is no such model, or it cannot be used.
        OutputError: The folder holds masks made with other settings or files that are not FreeSeg's, cannot be
            written, or is in use by another run.
        FreeSegError: A process died, or a photo could not be labelled though it could be read.

    Example:
        >>> import tempfile
        >>> from freeseg.labelling import label
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "photos").mkdir()
        >>> Image.new("RGB", (64, 48), "green").save(folder / "photos" / "a.jpg")
        >>> result = label([folder / "photos"], folder / "masks", labels="cat, grass", workers=1)
        >>> result.labelled, result.masks.labels
        (1, ('background', 'cat', 'grass'))
    """
    listed = [sources] if isinstance(sources, str | Path) else sources
    opened = [open_sources([each], without=Path(out))[0] if isinstance(each, str | Path) else each for each in listed]
    names = source_names(opened)  # two of one name are refused before anything is written
    options = LabellingOptions(
        Path(out), Vocabulary.of(labels), str(model), device, ignore_below, engine, precision, tuple(views or ())
    )
    loaded = options.load()
    _check_new_folder(options.folder)
    write_settings(options.folder, options.settings(loaded))
    # The embeddings of the words go into the cache on disk, where the other processes find them.
    loaded.embed_vocabulary(options.vocabulary)
    with _sole_run(options.folder), closing(Manifest(options.folder)) as manifest:
        _remove_half_written(options.folder)
        removed = sum(_count_removed(manifest, name, source) for name, source in zip(names, opened, strict=True))
        total = sum(len(source) for source in opened)
        run = _Run(options.folder, manifest, total, progress, dict.fromkeys(draw_sample(total, sample, seed=seed)))
        tasks = run.unfinished(labelling_tasks(opened, options.vocabulary))
        count = default_workers(device) if workers is None else workers
        if labeller is not None:
            outcomes = labeller(tasks, options, loaded)
        elif count == 1:
            outcomes = label_in_this_process(tasks, options, loaded)
        else:
            outcomes = label_in_processes(tasks, options, workers=count)
        del loaded  # each process loads its own
        with closing(outcomes):
            for task, outcome in outcomes:
                run.record(task, outcome)
        run.finish(names)
    masks = open_free_masks(options.folder)
    _write_contact_sheet(masks, run, options.folder / SHEET)
    return LabellingResult(masks, run.labelled, removed, [run.failed[number] for number in sorted(run.failed)])


@dataclass
class _Run:
    """The state of a run: which photos there are, and what became of each.

    Attributes:
        folder: Of the free masks.
        manifest: The folder's manifest.
        total: How many photos there are.
        progress: Called after each photo.
        sampled: By a photo's number, what the contact sheet shows of it; None while it is not read, or if it cannot be.
        photos: Source and file of each photo so far, in the order of the sources.
        failed: By number, why a photo could not be read, or its files not be written.
        labelled, done: How many photos were labelled in this run, and how many are done.
    """

    folder: Path
    manifest: Manifest
    total: int
    progress: Progress
    sampled: dict[int, Image.Image | None]
    photos: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    labelled: int = 0
    done: int = 0

    def unfinished(self, tasks: Iterator[LabellingTask]) -> Iterator[LabellingTask]:
        """The tasks that no earlier run has done."""
        for task in tasks:
            self.photos.append((task.source, task.file))
            if task.number in self.sampled:
                self.sampled[task.number] = thumbnail(task.image)
            if self._is_done(task):
                self._advance(task)
            else:
                yield task

    def record(self, task: LabellingTask, outcome: Outcome) -> None:
        """Keep what became of a photo."""
        if isinstance(outcome, Entry):
            self.manifest.append(outcome)
            self.labelled += 1
        else:
            self.failed[task.number] = str(outcome)
        self._advance(task)

    def finish(self, sources: Sequence[str]) -> None:
        """Bring the manifest into the order of the sources."""
        readable = [photo for number, photo in enumerate(self.photos) if number not in self.failed]
        self.manifest.finish(sources, readable)

    def _is_done(self, task: LabellingTask) -> bool:
        entry = self.manifest.find(task.source, task.file)
        files = (self.folder / task.mask, self.folder / task.confidence)
        return entry is not None and task.is_done_by(entry) and all(file.is_file() for file in files)

    def _advance(self, task: LabellingTask) -> None:
        self.done += 1
        self.progress(self.done, self.total, task.stem)


def _check_new_folder(folder: Path) -> None:
    """Check that nothing of somebody else's would be overwritten in a folder that has no free masks yet.

    Raises:
        OutputError: A file is in the way, or the folder has Parquet files of an earlier run.
    """
    if is_parquet(folder):
        raise OutputError(f"{folder} holds Parquet files; choose another folder, or go on with --format parquet")
    if (folder / LABELS).exists():
        return
    for name in (MASKS, CONFIDENCE, SHEET):
        path = folder / name
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise OutputError(f"{path} is there already, and FreeSeg did not write it; choose another folder")


def _count_removed(manifest: Manifest, name: str, source: PhotoSource) -> int:
    """How many photos of a source were labelled before and are no longer in it.

    Raises:
        DataError: All of them: then it is another source of the same name, and the masks of the first would be lost.
    """
    before = manifest.files(name)
    removed = before.difference(source.keys())
    if removed and removed == before:
        raise DataError(
            f"the masks there are of another {shortened(name)}: none of its {len(before)} photos is in this one; "
            "choose another --out, or rename the folder"
        )
    return len(removed)


def _write_contact_sheet(masks: FreeMasks, run: _Run, path: Path) -> None:
    """Write the contact sheet of the sampled photos that could be read, if there are any."""
    sampled = {run.photos[number]: photo for number, photo in sorted(run.sampled.items()) if photo}
    shown = [
        (entry, sampled[entry.source, entry.file]) for entry in masks.entries if (entry.source, entry.file) in sampled
    ]
    if shown:
        write_picture(path, contact_sheet(masks, shown), "PNG")


@contextmanager
def _sole_run(folder: Path) -> Iterator[None]:
    """Keep other processes from labelling into the folder."""
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(folder / LABELS, wait=False))
        except BlockingIOError as error:
            raise OutputError(f"another process is labelling into {folder}; wait for it, or choose another") from error
        yield


def _remove_half_written(folder: Path) -> None:
    """Remove the temporary files that a killed run left."""
    remove_half_written(folder, recursive=False)
    for inside in (MASKS, CONFIDENCE):
        remove_half_written(folder / inside, recursive=True)
