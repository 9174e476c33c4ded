"""Reading the values in a mask's file, before a dataset says what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.data.segmentation.instances import draw_instances
from freeseg.data.segmentation.layout import AnnotatedPhoto
from freeseg.errors import DataError, PhotoError
from freeseg.photos.decoding import open_header


def read_values(item: AnnotatedPhoto) -> NDArray[np.unsignedinteger[Any]]:
    """Read the mask of a photo, (H, W) uint8 or uint16, from a PNG, a MATLAB file or COCO's JSON.

    Raises:
        DataError: It cannot be read, or holds something else than indices.
    """
    if item.mask.suffix == ".json":
        return draw_instances(item)
    return read_mat(item.mask) if item.mask.suffix == ".mat" else read_png(item.mask)


def read_png(path: Path) -> NDArray[np.uint8]:
    """Read the indices, (H, W), of an indexed or 8-bit grey PNG.

    Raises:
        DataError: It cannot be read, or is another kind of picture. (The values of a JPEG are not the indices that
            were written.)
    """
    try:
        with path.open("rb") as file:
            opened = open_header(file, str(path))
            if opened.format != "PNG" or opened.mode not in ("P", "L"):
                kind = f"{opened.format} {opened.mode}"
                raise DataError(f"{path} is {kind}; a mask must be an indexed or 8-bit grey PNG")
            return np.array(opened, dtype=np.uint8)
    except (PhotoError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); put a whole mask there") from error


def read_mat(path: Path) -> NDArray[np.uint16]:
    """Read the `LabelMap`, (H, W), of a MATLAB file of PASCAL Context.

    Raises:
        DataError: It cannot be read or has no such map, or scipy is missing.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise DataError('masks in MATLAB files need scipy: pip install "freeseg[eval]"') from error
    try:
        values = np.asarray(loadmat(path, variable_names=["LabelMap"])["LabelMap"])
    except Exception as error:  # on a damaged file, scipy raises all kinds
        raise DataError(f"{path} cannot be read ({error!r}); put a whole mask there") from error
    if values.ndim != 2 or values.dtype.kind not in "iu" or values.min(initial=0) < 0:
        raise DataError(f"{path}: LabelMap is {values.dtype} {values.shape}; it must be (height, width) of indices")
    return values.astype(np.uint16)
