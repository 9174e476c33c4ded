"""Labelling whole sources: what is done stays done, whatever ends the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from freeseg.data import PhotoSource
from freeseg.data.free_masks import CONFIDENCE, LABELS, MASKS, Entry, FreeMasks, open_free_masks, write_settings
from freeseg.errors import DataError, OutputError, PhotoError
from freeseg.files import file_lock, remove_half_written, write_picture
from freeseg.labelling.contact_sheet import choose, contact_sheet, thumbnail
from freeseg.labelling.labeller import Plan
from freeseg.labelling.manifest import Manifest
from freeseg.labelling.processes import label_elsewhere, label_here, same_arithmetic
from freeseg.labelling.tasks import LabellingTask, labelling_tasks, source_names

SHEET = "contact-sheet.png"
Progress = Callable[[int, int, str], None]  # done, total, what was done last


@dataclass
class Done:
    """What a labelling came to.

    Attributes:
        masks: The folder that it wrote.
        labelled: Photos that were labelled now; the others of the masks were done before.
        gone: Photos labelled before that are no longer in their source: the masks know them no more.
        failed: For each photo that could not be read, why.
    """

    masks: FreeMasks
    labelled: int
    gone: int
    failed: list[str]


def label(
    sources: Sequence[PhotoSource],
    plan: Plan,
    workers: int = 1,
    sample: int = 24,
    seed: int = 0,
    progress: Progress = lambda done, total, remark: None,
) -> Done:
    """Label all photos of the sources that the plan's folder does not have yet.

    Stopped at any moment, it goes on where it was, and the folder ends up the same to the byte.

    Args:
        sources: Photos, with or without captions.
        plan: How they are labelled, and where to.
        workers: Processes; 1 labels in this one.
        sample: Photos on the contact sheet; 0 for none.
        seed: Which ones they are.
        progress: Is told how many photos are done, of how many.

    Raises:
        DataError: Two sources of one name, now or before; a source that cannot be read any further; a damaged
            manifest.
        OutputError: The folder holds other masks, or cannot be written, or the disk is full.
    """
    names = source_names(sources)  # refused before anything is written
    with same_arithmetic():
        model = plan.load()
        write_settings(plan.folder, plan.settings(model))
        model.words(plan.vocabulary)  # kept on disk, where the processes find them
        with _only_here(plan.folder), closing(Manifest(plan.folder)) as manifest:
            remove_half_written(plan.folder, recursive=False)
            for place in (MASKS, CONFIDENCE):
                remove_half_written(plan.folder / place, recursive=True)
            gone = sum(_gone(manifest, name, source) for name, source in zip(names, sources, strict=True))
            ledger = _Ledger(plan.folder, manifest, sum(len(source) for source in sources), progress)
            ledger.drawn = dict.fromkeys(choose(ledger.total, sample, seed))
            fresh = ledger.not_done(labelling_tasks(sources, plan.vocabulary))
            outcomes = label_here(fresh, plan, model) if workers == 1 else label_elsewhere(fresh, plan, workers)
            del model  # other processes have their own
            with closing(outcomes):
                for job, outcome in outcomes:
                    ledger.record(job, outcome)
            ledger.finish(names)
    masks = open_free_masks(plan.folder)
    _draw(masks, ledger, plan.folder / SHEET)
    return Done(masks, ledger.labelled, gone, [ledger.failed[number] for number in sorted(ledger.failed)])


@dataclass
class _Ledger:
    """What is done of the photos."""

    folder: Path
    manifest: Manifest
    total: int
    progress: Progress
    photos: list[tuple[str, str]] = field(default_factory=list)  # source and file of each, in order
    drawn: dict[int, Image.Image | None] = field(default_factory=dict)  # by number: what the contact sheet shows
    failed: dict[int, str] = field(default_factory=dict)
    labelled: int = 0
    done: int = 0

    def not_done(self, all_jobs: Iterator[LabellingTask]) -> Iterator[LabellingTask]:
        """The jobs that are left to do."""
        for job in all_jobs:
            self.photos.append((job.source, job.file))
            if job.number in self.drawn:
                self.drawn[job.number] = thumbnail(job.image)
            if self._has(job):
                self._advance(job)
            else:
                yield job

    def record(self, job: LabellingTask, outcome: Entry | PhotoError) -> None:
        """Keep what became of a photo."""
        if isinstance(outcome, Entry):
            self.manifest.append(outcome)
            self.labelled += 1
        else:
            self.failed[job.number] = str(outcome)
        self._advance(job)

    def finish(self, sources: Sequence[str]) -> None:
        """Bring the manifest into the order of the sources."""
        good = [photo for number, photo in enumerate(self.photos) if number not in self.failed]
        self.manifest.finish(sources, good)

    def _has(self, job: LabellingTask) -> bool:
        entry = self.manifest.find(job.source, job.file)
        files = (self.folder / job.mask, self.folder / job.confidence)
        return entry is not None and job.is_done_by(entry) and all(file.is_file() for file in files)

    def _advance(self, job: LabellingTask) -> None:
        self.done += 1
        self.progress(self.done, self.total, job.stem)


def _gone(manifest: Manifest, name: str, source: PhotoSource) -> int:
    """How many photos of a source were labelled before and are no longer in it.

    Raises:
        DataError: All of them: it is another source of that name, whose masks would be lost.
    """
    before = manifest.files(name)
    gone = before.difference(source.keys())
    if gone and gone == before:
        raise DataError(
            f"the masks there are of another {name!r}: none of its {len(before)} photos is in this one; "
            "choose another --out, or rename the folder"
        )
    return len(gone)


def _draw(masks: FreeMasks, ledger: _Ledger, path: Path) -> None:
    """The contact sheet of the photos that were drawn, as far as they could be read."""
    drawn = {ledger.photos[number]: photo for number, photo in sorted(ledger.drawn.items()) if photo}
    shown = [(entry, drawn[entry.source, entry.file]) for entry in masks.entries if (entry.source, entry.file) in drawn]
    if shown:
        write_picture(path, contact_sheet(masks, shown), "PNG")


@contextmanager
def _only_here(folder: Path) -> Iterator[None]:
    """No other process labels into the folder meanwhile."""
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(folder / LABELS, wait=False))
        except BlockingIOError as error:
            raise OutputError(f"another process is labelling into {folder}; wait for it, or choose another") from error
        yield
