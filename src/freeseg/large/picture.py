"""A large picture on the disk, read window by window through rasterio, as the values that a model sees."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.errors import PhotoError, reason
from freeseg.extras import require
from freeseg.files import is_file, path_for_message

PACKAGE = "rasterio"
# The first bytes of a file -> who reads it; others read whatever files a picture names, also from the network.
_DRIVERS = {
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",  # BigTIFF, for more than 4 GB
    b"MM\0+": "GTiff",
    b"\0\0\0\x0c": "JP2OpenJPEG",
    b"\xffO\xffQ": "JP2OpenJPEG",
}
_CACHE_BYTES = 64_000_000  # of decoded blocks that GDAL keeps; by default it takes a share of all memory
_PERCENTILES = (2, 98)  # of the values that become black and white
_SAMPLES, _SAMPLE_SIDE = 8, 128  # samples each way from which these are taken, and pixels on the side of each
_WHITE = 255  # what a model sees where there is no picture, as of transparent photos


class Pixels(NamedTuple):
    """A window of a picture.

    Attributes:
        values: (H, W, 3) uint8, RGB; white where there is no picture.
        is_known: (H, W), where there is a picture.
    """

    values: NDArray[np.uint8]
    is_known: NDArray[np.bool_]


class LargePicture:
    """An open picture; `open_picture` opens it.

    Attributes:
        path: Of the file.
        size: (height, width) in pixels.
        bands: The bands that are shown as red, green and blue, from 1; one alone is shown as grey.
        stretch: (low, high), the values that are shown as black and white, the same for all bands, so that colours
            keep their balance; None where values of 8 bits are shown as they are.
    """

    def __init__(self, path: Path, dataset: Any, bands: Sequence[int]):
        self.path, self.dataset = path, dataset
        self.size: tuple[int, int] = dataset.shape
        self.bands = _chosen_bands(dataset, bands, path)
        self._colours = _colour_table(dataset, self.bands)
        is_bytes = all(dataset.dtypes[band - 1] == "uint8" for band in self.bands)
        self.stretch: tuple[float, float] | None = None if is_bytes else self._percentiles()

    def read(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Read a window.

        Raises:
            PhotoError: The file is damaged there.
        """
        raw, is_known = self._raw(top, left, height, width)
        if self._colours is not None:
            values = self._colours[raw[0]]
        else:
            shown = [_shown(band, self.stretch or (0.0, 255.0)) for band in raw]
            values = np.stack(shown * (3 // len(shown)), axis=-1)
        values[~is_known] = _WHITE
        return Pixels(values, is_known)

    def is_known(self, top: int, height: int) -> NDArray[np.bool_] | None:
        """Where there is a picture in some rows (height, width); None where no pixel can lack it.

        Raises:
            PhotoError: The file is damaged there.
        """
        from rasterio.enums import MaskFlags

        flags = (self.dataset.mask_flag_enums[band - 1] for band in self.bands)
        is_float = any(np.dtype(self.dataset.dtypes[band - 1]).kind == "f" for band in self.bands)
        if not is_float and all(MaskFlags.all_valid in each for each in flags):
            return None
        return self._raw(top, 0, height, self.size[1])[1]

    def _raw(self, top: int, left: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The values of the bands (B, H, W), and where at least one of them has any."""
        from rasterio.windows import Window

        window = Window(left, top, width, height)
        with _picture_errors(self.path):
            raw = self.dataset.read(self.bands, window=window)
            has_value = self.dataset.read_masks(self.bands, window=window) > 0
        if raw.dtype.kind == "f":
            has_value &= np.isfinite(raw)
        return raw, has_value.any(axis=0)

    def _percentiles(self) -> tuple[float, float]:
        """The values that are shown as black and white, from samples all over the picture."""
        kept: list[NDArray[Any]] = []
        tops, lefts = (_sample_starts(side) for side in self.size)
        for top in tops:
            for left in lefts:
                height, width = min(_SAMPLE_SIDE, self.size[0] - top), min(_SAMPLE_SIDE, self.size[1] - left)
                raw, is_known = self._raw(top, left, height, width)
                kept.append(raw[:, is_known].ravel())
        every = np.concatenate(kept)
        every = every[np.isfinite(every)]
        low, high = np.percentile(every, _PERCENTILES).tolist() if every.size else (0.0, 1.0)
        return low, high


@contextmanager
def open_picture(path: str | os.PathLike[str], bands: Sequence[int] = ()) -> Iterator[LargePicture]:
    """Open a GeoTIFF, another TIFF or a JPEG 2000 file of any size.

    Args:
        path: Of the file.
        bands: Three bands to show as red, green and blue, or one to show as grey, numbered from 1. By default those
            that the file calls red, green and blue, or else the first three, or else the first.

    Raises:
        FreeSegError: rasterio is not installed.
        PhotoError: The file cannot be read, or lacks a band.
    """
    require(PACKAGE, what=path_for_message(path))
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    path = Path(path)
    name = path_for_message(path)
    if not is_file(path):
        raise PhotoError(f"cannot read {name}: there is no such file; check its name")
    try:
        with path.open("rb") as file:
            driver = _DRIVERS.get(file.read(4))
    except OSError as error:
        raise PhotoError(f"cannot read {name}: {reason(error)}; check your right to it") from error
    if driver is None:
        raise PhotoError(f"cannot read {name}: it is no TIFF or JPEG 2000 file; freeseg segment takes other photos")
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # most pictures have no place on the earth
        with _picture_errors(path):
            dataset = rasterio.open(path.absolute(), driver=driver)
        with dataset:
            yield LargePicture(path, dataset, bands)


@contextmanager
def _picture_errors(path: Path) -> Iterator[None]:
    """What rasterio says of a file as one line."""
    from rasterio.errors import RasterioError

    try:
        yield
    except RasterioError as error:
        problem = reason(error)
        fix = "give a TIFF or JPEG 2000 file, or copy or download it again"
        raise PhotoError(f"cannot read {path_for_message(path)}: {problem}; {fix}") from error


def _chosen_bands(dataset: Any, asked: Sequence[int], path: Path) -> list[int]:
    name, count = path_for_message(path), dataset.count
    if asked:
        if len(asked) not in (1, 3):
            raise PhotoError(f"{len(asked)} bands were asked for; give three for red, green and blue, or one for grey")
        for band in asked:
            if not 1 <= band <= count:
                raise PhotoError(f"{name} has no band {band}; it has {count}, numbered from 1")
        chosen = list(asked)
    else:
        roles = [role.name for role in dataset.colorinterp]
        named = [roles.index(role) + 1 for role in ("red", "green", "blue") if role in roles]
        chosen = named if len(named) == 3 else [1, 2, 3] if count >= 3 else [1]
    if any("complex" in dataset.dtypes[band - 1] for band in chosen):
        raise PhotoError(f"cannot read {name}: its values are complex numbers; give a picture of real ones")
    return chosen


def _colour_table(dataset: Any, bands: Sequence[int]) -> NDArray[np.uint8] | None:
    """The colours (256, 3) of a band whose values are numbers of colours."""
    from rasterio.enums import ColorInterp

    if len(bands) != 1 or dataset.dtypes[bands[0] - 1] != "uint8":
        return None
    if dataset.colorinterp[bands[0] - 1] != ColorInterp.palette:
        return None
    table = np.zeros((256, 3), np.uint8)
    for value, colour in dataset.colormap(bands[0]).items():
        table[value] = colour[:3]
    return table


def _shown(band: NDArray[Any], ends: tuple[float, float]) -> NDArray[np.uint8]:
    """A band's values as values from 0 to 255."""
    if band.dtype == np.uint8:
        return band
    low, high = ends
    scaled = (np.nan_to_num(band.astype(np.float32)) - np.float32(low)) * np.float32(255 / ((high - low) or 1))
    shown: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return shown


def _sample_starts(side: int) -> list[int]:
    last = max(0, side - _SAMPLE_SIDE)
    return sorted({round(last * place / (_SAMPLES - 1)) for place in range(_SAMPLES)})
