"""Picture + words -> mask and polygons, of pictures of any size, in two passes over windows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from freeseg.bounds import Bounds, check_fields
from freeseg.decision.presence import presence_prior
from freeseg.errors import FreeSegError
from freeseg.files import atomic_path, check_folder
from freeseg.large.deciding import SecondPass, masks
from freeseg.large.layout import Axis
from freeseg.large.looking import SeenWindows, look_at_windows
from freeseg.large.mask_file import new_mask
from freeseg.large.outlines import write_polygons
from freeseg.large.picture import open_picture
from freeseg.mask_values import IGNORE, labels_by_value
from freeseg.pipeline import FreeSeg, Labels
from freeseg.results.marks import seen_from
from freeseg.results.places import NamedPhoto, choose_stem

MASK_ENDING, POLYGONS_ENDING = ".mask.tif", ".geojson"

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class WindowSettings:
    """How a large picture is read.

    Attributes:
        window: Pixels on the side of a window, which the model sees as it sees a photo.
        overlap: Pixels that neighbouring windows share at least, less than half a window.
        bands: As `freeseg.large.picture.open_picture` takes them.

    Raises:
        FreeSegError: A number makes no sense; the message names it.
    """

    window: Annotated[int, Bounds(64, 8192)] = 1024
    overlap: Annotated[int, Bounds(0, 4095)] = 256
    bands: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if 2 * self.overlap >= self.window:
            raise FreeSegError(
                f"overlap {self.overlap} is too much for windows of {self.window} pixels; give less than half of that"
            )


@dataclass(frozen=True)
class LargeResult:
    """What became of a large picture.

    Attributes:
        mask: The GeoTIFF: a label for each pixel, and 255 where nothing is known.
        polygons: The GeoJSON file, if it was asked for.
        labels: What each value of the mask means.
        candidates: The labels that competed for the pixels.
        pixels: How many pixels each label has, by value; those without a label are not among them.
        bands: The bands that were shown to the model.
        stretch: The values that were shown as black and white; None where all were shown as they are.
        windows: How many windows there were.
    """

    mask: Path
    polygons: Path | None
    labels: tuple[str, ...]
    candidates: tuple[str, ...]
    pixels: tuple[int, ...]
    bands: tuple[int, ...]
    stretch: tuple[float, float] | None
    windows: int


def segment_large(
    model: FreeSeg,
    picture: str | os.PathLike[str],
    labels: Labels,
    out: str | os.PathLike[str],
    *,
    settings: WindowSettings | None = None,
    background: bool = True,
    geojson: bool = False,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> LargeResult:
    """Segment a GeoTIFF or another large picture window by window, in bounded memory.

    In a first pass the model looks at each window as at a photo. A label is in the picture if it is in at least one
    window, and its presence is that of the window where it is highest; so it is decided for the whole picture, and a
    window does not lack a label that the next one has. What was seen waits in a temporary file in `out`. In a second
    pass the labels' probabilities are refined along the edges of each window, and blended where windows overlap: a
    window counts less and less towards its edges. The largest wins, as in a photo; a picture of one window has the mask
    that `FreeSeg.segment` gives it.

    `STEM.mask.tif` has the picture's size, coordinate system and transform, a colour table, and the labels in its tags.
    Where the picture has no data, and where it is decided so, its value is 255. Values of 8 bits are shown to the model
    as they are. Others are stretched from their 2nd to their 98th percentile, which samples all over the picture tell.

    Args:
        model: The model.
        picture: A TIFF or JPEG 2000 file.
        labels: As `FreeSeg.segment` takes them.
        out: The folder of the results.
        settings: Windows and bands; None for the defaults.
        background: Whether a pixel may be none of the labels.
        geojson: Also write `STEM.geojson`, the outlines of all parts in longitude and latitude.
        overwrite: Whether files that FreeSeg did not write may be overwritten.
        progress: Is told how many steps are done, and how many there are.

    Raises:
        FreeSegError: rasterio is not installed.
        PhotoError: The picture cannot be read, or lacks a band.
        LabelError: The labels cannot be used.
        OutputError: The results cannot be written.

    Example:
        >>> import freeseg, rasterio, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with rasterio.open(folder / "field.tif", "w", width=80, height=60, count=3, dtype="uint8") as field:
        ...     field.write(np.zeros((3, 60, 80), np.uint8))
        >>> result = segment_large(freeseg.load(), folder / "field.tif", "grass, road", folder / "out")
        >>> result.mask.name, result.labels
        ('field.mask.tif', ('background', 'grass', 'road'))
    """
    used, path, folder = settings or WindowSettings(), Path(picture), Path(out)
    words = model.embed_vocabulary(labels)
    names = labels_by_value(words.names, background=background)
    check_folder(folder)
    with ExitStack() as open_now:
        source = open_now.enter_context(open_picture(path, used.bands))
        photo = NamedPhoto(path.name, os.fspath(path))
        endings = [MASK_ENDING, *([POLYGONS_ENDING] if geojson else [])]
        stem = choose_stem(photo, folder, endings=endings, photos={os.path.realpath(path)}, overwrite=overwrite)
        mask_path, polygons_path = (folder / f"{stem}{ending}" for ending in (MASK_ENDING, POLYGONS_ENDING))
        rows, columns = (Axis.of(side, used.window, used.overlap) for side in source.size)
        windows = len(rows.starts) * len(columns.starts)
        steps = _Steps(2 * windows, progress)
        mark = seen_from(folder, os.fspath(path))
        temporary = open_now.enter_context(atomic_path(mask_path))
        kept = SeenWindows(open_now.enter_context(tempfile.TemporaryFile(dir=folder)), len(words.names))
        for _ in look_at_windows(model, source, rows, columns, words, kept, background=background):
            steps.add()
        found, rule = kept.found(), model.config.decision
        chosen = np.array(found.labels, np.int64)
        second = SecondPass(
            kept=kept,
            rows=rows,
            columns=columns,
            chosen=chosen,
            prior=presence_prior(found.scores[chosen], rule.presence_weight),
            is_background_word=words.is_background_word,
            rule=rule,
            values=len(names),
            background=background,
        )
        counts = np.zeros(len(names), np.int64)
        with new_mask(temporary, source, names, mark, model.config.name) as file:
            for top, mask in masks(second, source, steps.add):
                file.write(top, mask)
                counts += np.bincount(mask.ravel(), minlength=max(len(names), IGNORE + 1))[: len(names)]
        counts[IGNORE:][:1] = 0  # "don't know", which is among the names of more than 255 labels
        if geojson:
            write_polygons(polygons_path, temporary, names, mark)
    return LargeResult(
        mask=mask_path,
        polygons=polygons_path if geojson else None,
        labels=names,
        candidates=tuple(words.names[label] for label in found.labels),
        pixels=tuple(counts.tolist()),
        bands=tuple(source.bands),
        stretch=source.stretch,
        windows=windows,
    )


class _Steps:
    """Counts what is done and tells it."""

    def __init__(self, total: int, progress: Progress):
        self.done, self.total, self.progress = 0, total, progress

    def add(self) -> None:
        self.done += 1
        self.progress(self.done, self.total)
