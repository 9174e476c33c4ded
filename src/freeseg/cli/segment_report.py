"""What `freeseg segment` says about its photos: tables for people, lines of JSON for programs, or nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeseg.cli.output import console, error_text, say
from freeseg.errors import FreeSegError
from freeseg.files import path_for_message

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.photos import FoundPhoto
    from freeseg.results.run_files import RunFile
    from freeseg.results.segmentation import Segmentation

SPOKEN = {  # what was written
    "overlay": "overlays",
    "mask": "masks",
    "cutout": "cut-outs",
    "labelme": "LabelMe files",
    "yolo": "YOLO labels",
    "labelstudio": "tasks for Label Studio",
    "masks": "masks of each label",
    "cutouts": "cut-outs of each label",
}
_LISTED = 30  # labels of a table


class Report:
    """Takes up what becomes of each photo, and says it.

    Args:
        out: Where the results go.
        formats: What is written of each photo.
        quiet: Whether nothing is said on stdout.
        json_lines: Whether a line of JSON is said for each photo as soon as its files are there, and nothing else.

    Attributes:
        failed: What went wrong with photos.
        count: How many photos there were.
    """

    def __init__(self, out: Path, formats: Sequence[str], *, quiet: bool, json_lines: bool):
        if quiet and json_lines:
            raise FreeSegError("--quiet and --json-lines contradict each other; name one of them")
        self.out, self.formats, self.quiet, self.json_lines = out, formats, quiet, json_lines
        self.failed: list[str] = []
        self.count = 0
        self._before = 0
        self._last: Segmentation | None = None
        self._shown: Counter[str] = Counter()

    def planned(self, photo: FoundPhoto, stem: str, endings: Iterable[str]) -> None:
        """Say which files a photo would give."""
        from freeseg.photos import frame_reference

        files = [str(self.out / f"{stem}{ending}") for ending in endings]
        self._line(photo, {"files": files})
        if not (self.quiet or self.json_lines):
            path = frame_reference(path_for_message(photo.source), photo.frame)
            say(f"{path} -> {', '.join(map(path_for_message, files))}")

    def end_of_plan(self, skipped: Iterable[str]) -> None:
        """Say on stderr what would go wrong, and what would be left out."""
        for line in (*skipped, *map(error_text, self.failed)):
            say(line, err=True)

    def segmented(self, photo: FoundPhoto, stem: str, result: Segmentation) -> None:
        """A photo's files are written."""
        self.count += 1
        self._last = result
        self._shown.update(result.present)
        if self.json_lines:
            shares = result.areas()
            labels = [
                {"label": label, "share": round(share, 6), "confidence": round(result.mean_confidence(label), 4)}
                for label, share in shares.items()
            ]
            self._line(photo, {"stem": stem, "labels": labels})

    def done_before(self, photo: FoundPhoto, stem: str) -> None:
        """An earlier run has written a photo's files."""
        self.count += 1
        self._before += 1
        self._line(photo, {"stem": stem, "done_before": True})

    def refused(self, photo: FoundPhoto, error: FreeSegError) -> None:
        """A photo could not be segmented, or its files not be written."""
        self.count += 1
        self.failed.append(str(error))
        self._line(photo, {"problem": str(error)})

    def end(self, files: Iterable[RunFile], skipped: Iterable[str]) -> None:
        """Say what became of all photos, and on stderr what went wrong.

        Args:
            files: What was written about all photos.
            skipped: Lines on what was left out of folders.
        """
        if not (self.quiet or self.json_lines):
            self._tables(files)
        self.end_of_plan(skipped)

    def _tables(self, files: Iterable[RunFile]) -> None:
        terminal, done = console(), self.count - len(self.failed) - self._before
        if self.count == 1 and self._last is not None:
            terminal.print(_one(self._last))
        elif self._shown:
            terminal.print(_many(self._shown, done))
        before = f", {self._before} done before (--overwrite does all again)" if self._before else ""
        terminal.print(f"{done} of {self.count} photos segmented{before}; {_listed(self.formats)} in {self.out}")
        for file in files:
            terminal.print(f"of all photos: {file.path}")

    def _line(self, photo: FoundPhoto, said: dict[str, Any]) -> None:
        if self.json_lines:
            frame = {"frame": photo.frame} if photo.frame else {}
            say(json.dumps({"photo": photo.source, **frame, **said}))


def _listed(formats: Sequence[str]) -> str:
    """What was written, in words."""
    *most, last = (SPOKEN.get(name, name.upper()) for name in formats)
    return f"{', '.join(most)} and {last}" if most else last


def _one(result: Segmentation) -> Table:
    from rich.table import Table

    table = Table("label", "area", "confidence", "presence", title=result.name)
    for label, share in sorted(result.areas().items(), key=lambda item: -item[1]):
        score = result.presence.get(label)
        table.add_row(
            label, f"{share:.1%}", f"{result.mean_confidence(label):.2f}", "" if score is None else f"{score:.2f}"
        )
    return table


def _many(totals: Counter[str], photos: int) -> Table:
    from rich.table import Table

    table = Table("label", "photos that show it", title=f"{photos} photos")
    for label, shown in totals.most_common(_LISTED):
        table.add_row(label, str(shown))
    return table
