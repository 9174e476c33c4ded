"""The mark in every file that FreeSeg writes: that it wrote the file, and of which photo.

A JPEG and a video have it as a comment, a TIFF as its description, a PNG as text chunks, a JSON file in its keys, an
NPZ file as two arrays. A plain text, such as YOLO's labels, knows no comments and has it as blanks at its end, which
readers strip. No pixel depends on it.
"""

from __future__ import annotations

import os
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import PngImagePlugin

from freeseg.errors import PhotoError
from freeseg.extras import is_installed
from freeseg.files import parse_json
from freeseg.photos import UNNAMED, video_comment
from freeseg.photos.decoding import open_header
from freeseg.results.coco import DESCRIPTION
from freeseg.urls import is_url

SOFTWARE = "FreeSeg"
SOFTWARE_KEY = "software"  # the key of `SOFTWARE` in a JSON file whose other keys are another tool's
FROM_HERE = "source_from_here"  # the key of `Mark.photo` in a JSON file
_NPZ_KEYS = (SOFTWARE_KEY, "photo")  # the arrays of an NPZ file that are `SOFTWARE` and `Mark.photo`
_MARK_BYTES = 100_000  # of one of these arrays; a greater one is none of FreeSeg's
_COMMENT = f"{SOFTWARE}, photo: "
_SUMMARY_KEYS = {"name", "width", "height", "model", "labels", "ignored"}  # what `Segmentation.to_dict` has had always


class Mark(NamedTuple):
    """What a file that FreeSeg wrote says about itself.

    Attributes:
        photo: Where the photo is as seen from the file's folder, so that it stays true when both are moved; or its
            URL; or "sha256:..." of the pixels of a photo without a path; "" if the file does not say.
        name: The photo's name; "" if the file does not say.
    """

    photo: str
    name: str = ""


def picture_options(format: str, photo: str) -> dict[str, Any]:
    """The options with which Pillow writes a marked picture.

    Args:
        format: "JPEG" or "PNG".
        photo: As `Mark` has it.

    Example:
        >>> picture_options("JPEG", "../cam1/0001.jpg")
        {'comment': b'FreeSeg, photo: ../cam1/0001.jpg'}
    """
    if format == "JPEG":
        return {"comment": (_COMMENT + photo).encode()[:60_000]}  # a comment has at most 65,533 bytes
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Software", SOFTWARE)
    chunks.add_itxt("Photo", photo)
    return {"pnginfo": chunks}


def comment(photo: str) -> str:
    """The mark of a video.

    Args:
        photo: As `Mark` has it.

    Example:
        >>> comment("../clip.mp4")
        'FreeSeg, photo: ../clip.mp4'
    """
    return _COMMENT + photo


def blank_mark(photo: str) -> str:
    r"""The mark of a plain text, as spaces and tabs: the bits of a comment's bytes, highest first.

    A program that writes the text anew drops them, so that what somebody corrected is no file of FreeSeg's any more.

    Args:
        photo: As `Mark` has it.

    Example:
        >>> blank_mark("a.jpg")[:8]  # F is 0b01000110
        ' \t   \t\t '
    """
    bits = np.unpackbits(np.frombuffer((_COMMENT + photo).encode(), np.uint8))
    return "".join(" \t"[bit] for bit in bits.tolist())


def read_mark(path: Path) -> Mark | None:
    """The mark of a file; None if FreeSeg did not write it, or it cannot be read."""
    if not path.is_file():
        return None
    try:
        return _READERS.get(path.suffix, _picture_mark)(path)
    except (OSError, ValueError, SyntaxError, RecursionError, EOFError, zipfile.BadZipFile, PhotoError):
        return None


def seen_from(folder: Path, source: str) -> str:
    """A photo's path as seen from a folder, with "/", and escapes for bytes that are no text; a URL as it is.

    Example:
        >>> seen_from(Path("out"), "cam1/0001.jpg")
        '../cam1/0001.jpg'
    """
    if is_url(source):
        return source
    photo = os.path.abspath(source)  # noqa: PTH100 - two links to one file are two photos
    with suppress(ValueError):  # it is on another drive
        photo = os.path.relpath(photo, folder)
    return Path(photo).as_posix().encode("utf-8", "backslashreplace").decode()


def _json_mark(path: Path) -> Mark | None:
    content = parse_json(path.read_bytes())
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        content = content[0].get("data")  # of a task for Label Studio
    if not isinstance(content, dict):
        return None
    if content.keys() >= _SUMMARY_KEYS:
        return Mark(str(content.get(FROM_HERE, "")), str(content["name"]))
    if content.get(SOFTWARE_KEY) == SOFTWARE:
        return Mark(str(content.get(FROM_HERE, "")), "" if FROM_HERE in content else UNNAMED)
    info = content.get("info")
    if isinstance(info, dict) and info.get("description") == DESCRIPTION:
        return Mark(str(info.get(FROM_HERE, "")), "" if FROM_HERE in info else UNNAMED)
    return None


def _picture_mark(path: Path) -> Mark | None:
    with path.open("rb") as file:
        image = open_header(file, str(path))
        comment = image.info.get("comment", b"")
        if isinstance(comment, bytes) and comment.startswith(_COMMENT.encode()):
            return Mark(comment.decode("utf-8", "replace").removeprefix(_COMMENT))
        if image.info.get("Software") == SOFTWARE:
            return Mark(str(image.info.get("Photo", "")))
    return None


def _npz_mark(path: Path) -> Mark | None:
    with zipfile.ZipFile(path) as archive:
        if any(
            archive.getinfo(f"{name}.npy").file_size > _MARK_BYTES
            for name in _NPZ_KEYS
            if f"{name}.npy" in archive.namelist()
        ):
            return None
    with np.load(path, allow_pickle=False) as arrays:
        software, photo = (str(arrays[name]) if name in arrays else "" for name in _NPZ_KEYS)
    return Mark(photo) if software == SOFTWARE else None


def _text_mark(path: Path) -> Mark | None:
    content = path.read_bytes().removesuffix(b"\n")
    blanks = np.frombuffer(content[len(content.rstrip(b" \t")) :], np.uint8)
    comment = np.packbits(blanks == ord("\t")).tobytes().decode("utf-8", "replace")
    return Mark(comment.removeprefix(_COMMENT)) if comment.startswith(_COMMENT) else None


def _video_mark(path: Path) -> Mark | None:
    comment = video_comment(path)
    return Mark(comment.removeprefix(_COMMENT)) if comment.startswith(_COMMENT) else None


def _geojson_mark(path: Path) -> Mark | None:
    """Of the first line, which holds all but the polygons; there may be very many."""
    with path.open("rb") as file:
        line = file.readline(_MARK_BYTES).rstrip()
    content = parse_json(line + b"]}") if line.endswith(b"[") else None
    if isinstance(content, dict) and content.get(SOFTWARE_KEY) == SOFTWARE:
        return Mark(str(content.get(FROM_HERE, "")))
    return None


def _tiff_mark(path: Path) -> Mark | None:
    """Of a TIFF file of any size: Pillow refuses the header of a large one."""
    if not is_installed("rasterio"):  # as when the file was written, so it is another program's
        return None
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pictures without a place on the earth
        with rasterio.open(path.absolute(), driver="GTiff") as dataset:
            description = dataset.tags().get("TIFFTAG_IMAGEDESCRIPTION", "")
    return Mark(description.removeprefix(_COMMENT)) if description.startswith(_COMMENT) else None


_READERS = {
    ".geojson": _geojson_mark,
    ".tif": _tiff_mark,
    ".json": _json_mark,
    ".npz": _npz_mark,
    ".txt": _text_mark,
    ".mp4": _video_mark,
}
