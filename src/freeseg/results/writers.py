"""The formats that results are written in: one table from a format's name to its writer.

A writer is a function of a result and a path without ending, which writes one or more files and returns their paths. A
new format is one such function and its line in `WRITERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from freeseg.errors import OutputError
from freeseg.files import escapes_folder, write_json, write_picture

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

Writer: TypeAlias = "Callable[[Segmentation, Path], list[Path]]"
_JPEG_SIDE = 65_500  # pixels: the longest side that JPEG writers take


def write_result(
    result: Segmentation, folder: str | Path, stem: str | None = None, *, formats: str | Sequence[str]
) -> list[Path]:
    """Write a result to a folder, in one or more formats.

    Args:
        result: The result.
        folder: Where to; made if need be.
        stem: The files' name without ending, by default that of the result's name; "a/b/cat" is in sub-folders.
        formats: Names of formats in `WRITERS`, in the order to write them.

    Returns:
        The paths of the files, in the order in which they were written.

    Raises:
        OutputError: There is no such format, the stem leads out of the folder, or a file cannot be written.

    Example:
        >>> import freeseg, numpy as np, tempfile
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat, dog")
        >>> [path.name for path in write_result(result, tempfile.mkdtemp(), "a", formats=["mask", "coco"])]
        ['a.mask.png', 'a.coco.json']
    """
    names = [formats] if isinstance(formats, str) else formats
    if unknown := [name for name in names if name not in WRITERS]:
        raise OutputError(f"no format is called {unknown[0]!r}; there are: {', '.join(WRITERS)}")
    start = _path_inside(Path(folder), stem if stem is not None else Path(result.name).stem or "photo")
    return [path for name in names for path in WRITERS[name](result, start)]


def write_overlay(result: Segmentation, start: Path) -> list[Path]:
    """Write `STEM.overlay.jpg`, the photo under the labels' colours; smaller than the photo if that is too long."""
    path = _with_ending(start, ".overlay.jpg")
    overlay = result.overlay()
    overlay.thumbnail((_JPEG_SIDE, _JPEG_SIDE))
    # No chroma subsampling, which would blur thin lines and coloured edges.
    write_picture(path, overlay, "JPEG", quality=90, subsampling=0)
    return [path]


def write_mask(result: Segmentation, start: Path) -> list[Path]:
    """Write `STEM.mask.png`, the picture that `Segmentation.mask_image` gives."""
    path = _with_ending(start, ".mask.png")
    write_picture(path, result.mask_image(), "PNG")
    return [path]


def write_summary(result: Segmentation, start: Path) -> list[Path]:
    """Write `STEM.json`, what `Segmentation.to_dict` gives."""
    path = _with_ending(start, ".json")
    write_json(path, result.to_dict())
    return [path]


def write_coco(result: Segmentation, start: Path) -> list[Path]:
    """Write `STEM.coco.json`, the COCO dataset of this one photo that `Segmentation.to_coco` gives."""
    path = _with_ending(start, ".coco.json")
    write_json(path, result.to_coco())
    return [path]


WRITERS: dict[str, Writer] = {
    "overlay": write_overlay,
    "mask": write_mask,
    "json": write_summary,
    "coco": write_coco,
}
DEFAULT_FORMATS = ("overlay", "mask", "json")  # the summary last: where it is, the others are


def _with_ending(start: Path, ending: str) -> Path:
    return start.with_name(start.name + ending)


def _path_inside(folder: Path, stem: str) -> Path:
    """The path of a stem in a folder, refused where it leads out of the folder, also where a link does."""
    path = Path(stem)
    if not path.name or escapes_folder(stem) or not (folder / path).parent.resolve().is_relative_to(folder.resolve()):
        raise OutputError(f"{stem!r} does not stay inside {folder}; use a relative name without '..'")
    return folder / path
