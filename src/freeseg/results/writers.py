"""The formats that results are written in: one table from a format's name to what encodes it.

An encoder is a function of a result, of the mark of its photo (`results.marks`) and of how objects are written, which
gives the content of one or more files by their endings. A new format is one such function, its line in `ENCODERS`, and
the ending of its files in `formats.ENDINGS`. Everything is encoded before anything is written.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from freeseg.files import FLAT_PNG, encode_picture, json_text, text_bytes, write_bytes
from freeseg.photos import UNNAMED, is_large
from freeseg.results.endings import endings_of, label_names
from freeseg.results.formats import check_formats
from freeseg.results.label_studio import label_studio_task
from freeseg.results.labelme import labelme_file
from freeseg.results.marks import FROM_HERE, SOFTWARE, SOFTWARE_KEY, blank_mark, picture_options, read_mark
from freeseg.results.objects import Objects
from freeseg.results.places import NamedPhoto, check_stem, choose_stem, pixels_sha256
from freeseg.results.yolo import yolo_text

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

Encoder: TypeAlias = "Callable[[Segmentation, str, Objects], Mapping[str, bytes]]"
_OVERLAY_PIXELS = 16_000_000  # of a large photo: more than screens show
_JPEG_SIDE = 65_500  # pixels: the longest side that JPEG writers take


def write_result(
    result: Segmentation,
    folder: str | Path,
    stem: str | None = None,
    *,
    formats: str | Sequence[str],
    overwrite: bool = False,
    objects: Objects | None = None,
) -> list[Path]:
    """Write a result to a folder, in one or more formats.

    Args:
        result: The result.
        folder: Where to; made if need be.
        stem: The files' name without ending; "a/b/cat" is in sub-folders. By default it is that of the result's name,
            or where another photo's result has that place, another that follows from the photo.
        formats: Names of formats in `ENCODERS`, in the order to write them.
        overwrite: Whether files may be overwritten that FreeSeg did not write, and those of another photo's result if
            `stem` says so. The photo itself is never overwritten.
        objects: How objects are written, in formats that list objects.

    Returns:
        The paths of the files, in the order in which they were written. Where each label has a file of its own, files
        of labels that the photo's earlier result showed, and this one does not, are removed.

    Raises:
        OutputError: There is no such format, the stem leads out of the folder, a file is in the way, or a file cannot
            be written.

    Example:
        >>> import freeseg, numpy as np, tempfile
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat, dog")
        >>> [path.name for path in write_result(result, tempfile.mkdtemp(), "a", formats=["mask", "coco"])]
        ['a.mask.png', 'a.coco.json']
    """
    names = [formats] if isinstance(formats, str) else formats
    check_formats(names, ENCODERS)
    pixels = "" if result.source else pixels_sha256(result.photo)
    photo = NamedPhoto(Path(result.name).name or UNNAMED, result.source, pixels, result.frame)
    mark = photo.mark((Path(folder) / (stem or UNNAMED)).parent)
    chosen = objects or Objects()
    contents = {ending: content for name in names for ending, content in ENCODERS[name](result, mark, chosen).items()}
    planned = list(dict.fromkeys([*endings_of(names, result.labels), *contents]))
    photos = {os.path.realpath(result.source)} if result.source else set[str]()
    if stem is None:
        stem = choose_stem(photo, Path(folder), endings=planned, photos=photos, overwrite=overwrite)
        overwrite = True  # what is in the way was looked at
    start = check_stem(stem, photo, Path(folder), endings=planned, photos=photos, overwrite=overwrite)
    paths = {start.with_name(start.name + ending): content for ending, content in contents.items()}
    for path, content in paths.items():
        write_bytes(path, content)
    for ending in planned:  # `check_stem` has refused files that are not of this photo
        path = start.with_name(start.name + ending)
        if ending not in contents and read_mark(path):
            path.unlink(missing_ok=True)
    return list(paths)


def encode_overlay(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.overlay.jpg`, the photo under the labels' colours; smaller than the photo if that is too large or too long.

    Of a photo of more than `LARGE_MEGAPIXELS`, every second pixel (or third, and so on) of both sides is shown.
    """
    overlay = result.overlay(reduce=overlay_reduction(result.photo.size))
    overlay.thumbnail((_JPEG_SIDE, _JPEG_SIDE))
    # No chroma subsampling, which would blur thin lines and coloured edges.
    options = {"quality": 90, "subsampling": 0, **picture_options("JPEG", mark)}
    return {".overlay.jpg": encode_picture(overlay, "JPEG", **options)}


def overlay_reduction(size: tuple[int, int]) -> int:
    """By what the sides of a large photo are divided for its overlay, which has about `_OVERLAY_PIXELS` then.

    Example:
        >>> overlay_reduction((4_000, 3_000)), overlay_reduction((12_000, 9_000))
        (1, 3)
    """
    return math.ceil(math.sqrt(size[0] * size[1] / _OVERLAY_PIXELS)) if is_large(size) else 1


def encode_mask(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.mask.png`, the picture that `Segmentation.mask_image` gives."""
    options = picture_options("PNG", mark) | FLAT_PNG
    return {".mask.png": encode_picture(result.mask_image(), "PNG", **options)}


def encode_grey(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.grey.png`, the labels as values of one channel, of 8 bits, or 16 where there are more labels."""
    picture = Image.fromarray(result.mask.astype(np.uint8 if result.mask.itemsize == 1 else np.uint16))
    return {".grey.png": encode_picture(picture, "PNG", **(picture_options("PNG", mark) | FLAT_PNG))}


def encode_summary(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.json`, what `Segmentation.to_dict` gives, and the photo's path from there."""
    return {".json": text_bytes(json_text(result.to_dict() | _from_here(result, mark)))}


def encode_coco(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.coco.json`, the COCO dataset of this one photo that `to_coco` gives, and the photo's path from there."""
    dataset = result.to_coco(**asdict(objects))
    return {".coco.json": text_bytes(json_text(dataset | {"info": dataset["info"] | _from_here(result, mark)}))}


def encode_cutout(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.cutout.png`, what `Segmentation.cutout` gives: everything that was found, on transparent ground."""
    return {".cutout.png": encode_picture(result.cutout(), "PNG", **(picture_options("PNG", mark) | FLAT_PNG))}


def encode_labelme(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.labelme.json`, polygons for LabelMe, with the photo's path from there."""
    path = mark if result.source else Path(result.name).name
    own = {SOFTWARE_KEY: SOFTWARE, **_from_here(result, mark)}
    return {".labelme.json": text_bytes(json_text(labelme_file(result, path, objects) | own))}


def encode_yolo(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.txt`, polygons for YOLO, with the mark at the end of the last line."""
    return {".txt": f"{yolo_text(result, objects).rstrip()}{blank_mark(mark)}\n".encode()}


def encode_label_studio(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.labelstudio.json`, a task for Label Studio, with the photo's path from there."""
    task = label_studio_task(result, objects)
    task["data"] |= {SOFTWARE_KEY: SOFTWARE, **_from_here(result, mark)}
    # Not indented: each byte of a brush would have a line of its own.
    return {".labelstudio.json": text_bytes(json.dumps([task], ensure_ascii=False) + "\n")}


def encode_masks(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.mask-LABEL.png` of each label that was found: white where it is, and black elsewhere."""
    options = picture_options("PNG", mark) | FLAT_PNG
    pictures = ((label, _white_on_black(result, label)) for label in result.found)
    return _by_label(
        result, ".mask-", {label: encode_picture(picture, "PNG", **options) for label, picture in pictures}
    )


def encode_cutouts(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.cutout-LABEL.png` of each label that was found: what `Segmentation.cutout` gives for it."""
    options = picture_options("PNG", mark) | FLAT_PNG
    pictures = {label: encode_picture(result.cutout(label), "PNG", **options) for label in result.found}
    return _by_label(result, ".cutout-", pictures)


def encode_npz(result: Segmentation, mark: str, objects: Objects) -> dict[str, bytes]:
    """`STEM.npz`: the arrays `mask`, `confidence` and `labels`, which `numpy.load` reads without pickle."""
    encoded = io.BytesIO()
    np.savez_compressed(
        encoded,
        mask=result.mask,
        confidence=result.confidence,
        labels=np.array(result.labels),
        software=np.array(SOFTWARE),
        photo=np.array(mark),
    )
    return {".npz": encoded.getvalue()}


ENCODERS: dict[str, Encoder] = {
    "overlay": encode_overlay,
    "mask": encode_mask,
    "json": encode_summary,
    "grey": encode_grey,
    "coco": encode_coco,
    "cutout": encode_cutout,
    "labelme": encode_labelme,
    "yolo": encode_yolo,
    "labelstudio": encode_label_studio,
    "masks": encode_masks,
    "cutouts": encode_cutouts,
    "npz": encode_npz,
}


def _white_on_black(result: Segmentation, label: str) -> Image.Image:
    return Image.fromarray(result.mask_of(label) * np.uint8(255))


def _by_label(result: Segmentation, start: str, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """The pictures of labels by their endings."""
    name_of = dict(zip(result.labels, label_names(result.labels), strict=True))
    return {f"{start}{name_of[label]}.png": content for label, content in pictures.items()}


def _from_here(result: Segmentation, mark: str) -> dict[str, str]:
    return {FROM_HERE: mark} if result.source else {}
