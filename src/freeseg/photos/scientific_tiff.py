"""TIFF files of kinds that Pillow does not read, such as 64-bit floats: tifffile reads them, where it is installed."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.extras import is_installed, missing_message
from freeseg.photos.limits import check_size
from freeseg.photos.values import eight_bits, grey_eight_bits

PACKAGE = "tifffile"


def open_scientific(file: BinaryIO, name: str) -> Image.Image:
    """The first page of a TIFF file that is no preview, decoded.

    Args:
        file: The file.
        name: What errors call the photo.

    Raises:
        PhotoError: tifffile is not installed; the page has too many pixels, values out of range, or another shape than
            a photo has.
        Exception: tifffile does not read the file either; `photo_errors` names it.
    """
    if not is_installed(PACKAGE):
        needed = missing_message(PACKAGE, what="which")
        raise PhotoError(f"cannot read {name}: a kind of TIFF that Pillow does not know, {needed}; or save it as PNG")
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        pages = (page.aspage() for page in opened.pages)
        page = next((page for page in pages if not (page.is_reduced or page.is_mask)), opened.pages.first)
        check_size((page.imagewidth, page.imagelength), name, "TIFF")
        if len(page.shape) not in (2, 3) or page.samplesperpixel not in (1, 3, 4):  # before they take memory
            raise PhotoError(f"cannot read {name}: pixels of shape {page.shape}; save one page or channel of it as PNG")
        values = page.asarray()
        white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and values.ndim == 3:
            values = np.moveaxis(values, 0, -1)
    if values.dtype.kind == "f":  # the largest are rounded anyway, and halves are computed with slowly
        values = values.astype(np.float32)
    values = values[..., 0] if values.shape[2:] == (1,) else values
    if values.ndim == 2:
        return Image.fromarray(grey_eight_bits(values, name, white_is_zero=white_is_zero)).convert("RGB")
    return Image.fromarray(np.ascontiguousarray(eight_bits(values[..., :3], name)))
