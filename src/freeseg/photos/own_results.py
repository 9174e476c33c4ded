"""Which files in a folder FreeSeg wrote itself: results are no photos.

A folder is FreeSeg's where it holds the `labels.json` of `freeseg label` or the `config.json` of a model. In any other
folder, a picture is a result by its name, `STEM.overlay.jpg` or `STEM.mask.png`, if it has the mark of FreeSeg
(`freeseg.results.marks`), or, as 0.1.0 wrote no marks, stands beside its summary `STEM.json` or the other of the two.
`STEM.heatmap.jpg` is one by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

_HEAD_BYTES = 16_384
_TIFF_HEAD_BYTES = 1_000_000  # before the description of a TIFF come the places of its tiles, some bytes for each
_FOLDER_MARKS = {"labels.json": re.compile(rb'"format":\s*"freeseg-'), "config.json": re.compile(rb'"image_tower"\s*:')}
_SUMMARY_KEYS = (b'"width"', b'"height"', b'"model"', b'"labels"')
_MARK = re.compile(rb"FreeSeg, photo: |tEXtSoftware\0FreeSeg")
_HEATMAP = re.compile(r".+\.heatmaps?\.(?:jpe?g|png)", re.IGNORECASE)
_RESULT = re.compile(
    r"(.+)\.(overlay|mask|cutout|instances|semantic|voc)\b[^/]*\.(?:jpe?g|png|webp|tiff?)", re.IGNORECASE
)


def is_own_folder(folder: Path, names: Collection[str]) -> bool:
    """Whether FreeSeg wrote a folder: free masks, or a model with its curves and samples.

    Args:
        folder: The folder.
        names: Of the files in it.
    """
    return any(name in names and mark.search(_head(folder / name)) for name, mark in _FOLDER_MARKS.items())


def own_results(folder: Path, names: Collection[str]) -> set[str]:
    """Which of the files in a folder are pictures of results.

    Args:
        folder: The folder.
        names: Of the files in it.
    """
    results = {name for name in names if _HEATMAP.fullmatch(name)}
    kinds_of: dict[str, set[str]] = {}
    files_of: dict[str, set[str]] = {}
    for name in names:
        if match := _RESULT.fullmatch(name):
            kinds_of.setdefault(match[1], set()).add(match[2].lower())
            files_of.setdefault(match[1], set()).add(name)
    for stem, kinds in kinds_of.items():
        if {"overlay", "mask"} <= kinds or (f"{stem}.json" in names and _is_summary(folder / f"{stem}.json")):
            results |= files_of[stem]
        else:
            results |= {name for name in files_of[stem] if _MARK.search(_head(folder / name, _mark_bytes(name)))}
    return results


def _is_summary(path: Path) -> bool:
    """Whether a file is the summary of a result."""
    head = _head(path)
    return all(key in head for key in _SUMMARY_KEYS)


def _mark_bytes(name: str) -> int:
    """How far from the beginning of a picture its mark may be."""
    return _TIFF_HEAD_BYTES if name.lower().endswith((".tif", ".tiff")) else _HEAD_BYTES


def _head(path: Path, count: int = _HEAD_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
