"""The mask of a large picture as a tiled, compressed GeoTIFF, written from its top to its bottom."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from freeseg.errors import OutputError
from freeseg.files import path_for_message
from freeseg.large.picture import LargePicture
from freeseg.mask_values import IGNORE, Mask
from freeseg.results.drawing import palette
from freeseg.results.marks import SOFTWARE, comment

TILE = 256  # pixels on the side of a tile; a multiple of 16, as the format asks


class MaskFile:
    """A mask that is being written; `new_mask` makes it."""

    def __init__(self, dataset: Any):
        self._dataset = dataset
        self.sums: list[int] = []  # a checksum of each row of tiles

    def write(self, top: int, mask: Mask) -> None:
        """Write a row of tiles (at most `TILE`, width), which begins at row `top` of the picture."""
        from rasterio.windows import Window

        self._dataset.write(mask, 1, window=Window(0, top, mask.shape[1], mask.shape[0]))
        self.sums.append(zlib.crc32(mask.tobytes()))


@contextmanager
def new_mask(path: Path, picture: LargePicture, labels: Sequence[str], photo: str, model: str) -> Iterator[MaskFile]:
    """Write a GeoTIFF of a picture's size and place on the earth; its rows of tiles are written inside the block.

    Value i means label i and 255 "don't know", which is also the value that the file declares for no data. The colours
    are VOC's. The tag `labels` has the labels by value, as JSON, and `model` the model's name.

    Args:
        path: A temporary path: what is there when the block ends with an error is of no use.
        picture: The picture that is segmented.
        labels: What each value means.
        photo: Where the picture is as seen from the mask's folder.
        model: The model's name.

    Raises:
        OutputError: What was written cannot be read back, as after a disk was full.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    source = picture.dataset
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": picture.size[0],
        "width": picture.size[1],
        "count": 1,
        "dtype": "uint8" if len(labels) <= IGNORE else "uint16",
        "nodata": IGNORE,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": "deflate",
        "BIGTIFF": "IF_SAFER",
        "crs": source.crs,
    }
    if not source.transform.is_identity:
        profile["transform"] = source.transform
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.update_tags(
                TIFFTAG_SOFTWARE=SOFTWARE,
                TIFFTAG_IMAGEDESCRIPTION=comment(photo),
                labels=json.dumps(list(labels), ensure_ascii=False),
                model=model,
            )
            if profile["dtype"] == "uint8":
                dataset.write_colormap(1, {value: tuple(map(int, each)) for value, each in enumerate(palette())})
            if not source.crs and source.gcps[0]:
                dataset.gcps = source.gcps
            mask = MaskFile(dataset)
            yield mask
        _check(path, mask.sums)


def _check(path: Path, sums: Sequence[int]) -> None:
    """Read the file back: an error while its last blocks are written would go unnoticed otherwise."""
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            height, width = dataset.shape
            for number, expected in enumerate(sums):
                top = number * TILE
                found = dataset.read(1, window=Window(0, top, width, min(TILE, height - top)))
                if zlib.crc32(found.tobytes()) != expected:
                    raise OutputError("")
    except (RasterioError, OutputError) as error:
        folder = path_for_message(os.fspath(path.parent))
        raise OutputError(
            f"the mask could not be written whole to {folder}, and nothing half-written was left: free space on the "
            "disk, or choose another folder"
        ) from error
