"""Reading photos safely: whatever a user has in a folder becomes an upright 8-bit RGB picture or a one-line error."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from freeseg.errors import OutputError, PhotoError

Photo: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[Any]
MAX_PIXELS = 400_000_000  # width x height; pillow holds 4 bytes for each, and 8 while it converts
SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"})
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")  # not EPS: it runs Ghostscript
_T = Image.Transpose
_UPRIGHT: dict[object, _T] = {2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM}
_UPRIGHT |= {5: _T.TRANSPOSE, 6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90}  # by EXIF orientation


class FoundPhoto(NamedTuple):
    """A photo on disk, and its name below the folder that the user named."""

    path: Path
    name: PurePosixPath


def read_photo(photo: Photo) -> Image.Image:
    """Read a photo as an upright, fully loaded 8-bit RGB picture that shares nothing with its source.

    Files: JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF, PPM, JPEG 2000, known by content, not suffix; the first frame of
    an animation. PIL pictures: the current frame. Arrays: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), as uint8,
    uint16, bool, or float in [0, 1]. The EXIF orientation is applied, transparency laid over white, 16-bit values
    divided by 257 and rounded, floats multiplied by 255 and rounded. Raises PhotoError, and nothing else, for a
    photo that is missing, unreadable, damaged, empty, of another kind, or of more than `MAX_PIXELS` (whatever
    pillow's own limit is; only WebP is held to twice that as well).

    Example:
        >>> read_photo(np.full((2, 3), 0.5)).getpixel((0, 0))
        (128, 128, 128)
    """
    if isinstance(photo, np.ndarray):
        return _from_array(photo)
    if isinstance(photo, Image.Image):
        name = _printable(getattr(photo, "filename", "")) or "the picture"
        with _errors(name):
            return _upright_rgb(photo, name)
    if isinstance(photo, str | os.PathLike):
        return _from_file(Path(os.fsdecode(photo)))
    raise PhotoError(f"cannot read a photo from {type(photo).__name__}; give a path, a PIL picture or a numpy array")


def read_bytes(content: bytes, name: str) -> Image.Image:
    """Read a photo from its file's bytes, as `read_photo` does; `name` is what errors call it.

    Example:
        >>> read_bytes(b"...", "holiday/a.jpg")
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read holiday/a.jpg: not a picture in a known format; save it as PNG or JPEG
    """
    with _errors(name):
        return _upright_rgb(_open_header(io.BytesIO(content), name), name)


def find_photos(paths: Iterable[str | os.PathLike[str]], without: Path | None = None) -> list[FoundPhoto]:
    """List the photos named and those in the folders named, each file once, sorted within a folder.

    Folders give files of any depth with a suffix in `SUFFIXES`, in upper or lower case; hidden files and folders
    are skipped, links to folders followed, a folder `without` inside of them (where results go) left out. A file
    named itself is taken whatever its suffix. Names may repeat from one of the paths to another. Raises PhotoError
    for a path that does not exist, a folder or sub-folder that cannot be listed, and a folder without photos.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cat.JPG").touch()
        >>> [str(found.name) for found in find_photos([folder])]
        ['cat.JPG']
    """
    unique: dict[str, FoundPhoto] = {}
    for path in map(Path, [paths] if isinstance(paths, str | os.PathLike) else paths):  # never the letters of a str
        with _errors(_printable(path)):
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        photos = photos_in(path, without) if is_folder else [FoundPhoto(path, PurePosixPath(path.name))]
        if not photos:
            raise PhotoError(f"no photos in {_printable(path)}; give some in {' '.join(sorted(SUFFIXES))}")
        for photo in photos:
            unique.setdefault(os.path.realpath(photo.path), photo)
    return list(unique.values())


def photos_in(folder: Path, without: Path | None = None) -> list[FoundPhoto]:
    """The photos in a folder and below it, but not in a folder `without`, as `find_photos` lists them; maybe none.

    Raises:
        PhotoError: The folder or one below it cannot be listed.
        OutputError: `without` is the folder itself: overlays would be photos the next time.
    """
    left_out = {os.path.realpath(without)} if without else set()
    if os.path.realpath(folder) in left_out:
        raise OutputError(f"{_printable(folder)} holds the photos; results go to another folder, or one inside it")
    return [FoundPhoto(file, PurePosixPath(file.relative_to(folder))) for file in _walk(folder, left_out)]


def fit_short_side(size: tuple[int, int], short: int, long_cap: float = 4.0) -> tuple[int, int]:
    """Scale (width, height) so that the shorter side is `short` and the longer at most `long_cap * short`.

    Where both cannot be (a panorama), the longer side is capped and the shorter falls below `short`, never
    below 1. Sides are rounded to the nearest integer, half to even. Raises ValueError for arguments below 1.

    Example:
        >>> fit_short_side((4000, 3000), 480), fit_short_side((10_000, 100), 480)
        ((640, 480), (1920, 19))
    """
    if min(size) < 1 or short < 1 or not long_cap >= 1:
        raise ValueError(f"sides, short and long_cap must be at least 1, got {size}, {short} and {long_cap}")
    width, height = (min(short * side / min(size), long_cap * short * side / max(size)) for side in size)
    return max(1, round(width)), max(1, round(height))


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize to (width, height), bicubic and antialiased. Raises ValueError for a side below 1.

    Beyond 6x, a box filter first brings the picture to 3x the target or more: 93 -> 32 ms from 4000x3000 to
    469x352, where no value moved by more than 2 of 255 on a noisy, striped picture.

    Example:
        >>> resize(Image.new("RGB", (400, 300)), (40, 30)).size
        (40, 30)
    """
    if min(size) < 1:
        raise ValueError(f"cannot resize to {size}: both sides must be at least 1")
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def to_array(image: Image.Image) -> NDArray[np.uint8]:
    """A new (H, W, 3) uint8 array, 0 to 255, of an RGB picture; ValueError for one of another mode.

    Example:
        >>> to_array(Image.new("RGB", (3, 2), (255, 0, 7)))[1, 2].tolist()
        [255, 0, 7]
    """
    if image.mode != "RGB":
        raise ValueError(f"to_array takes an RGB picture, got mode {image.mode}; read it with read_photo")
    return np.array(image, dtype=np.uint8, order="C")


def _from_file(path: Path) -> Image.Image:
    name = _printable(path)
    with _errors(name):
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise PhotoError(f"cannot read {name}: it is a folder; name a photo inside it")
        if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for ever
            raise PhotoError(f"cannot read {name}: not a regular file; save it to one first")
        if info.st_size == 0:
            raise PhotoError(f"cannot read {name}: the file is empty (0 bytes); copy or download it again")
        with path.open("rb") as file:
            return _upright_rgb(_open_header(file, name), name)


def _open_header(file: BinaryIO, name: str) -> Image.Image:
    """What `Image.open` does, minus its size check: that one is a process-wide setting and a printed warning."""
    Image.init()
    start = file.read(16)
    for known in _FORMATS:
        factory, accept = Image.OPEN.get(known, (None, None))
        if factory and accept and len(start) > 1 and accept(start) is True:  # a str: known, but not built in
            file.seek(0)
            return factory(file, "")
    raise PhotoError(f"cannot read {name}: not a picture in a known format; save it as PNG or JPEG")


def _upright_rgb(image: Image.Image, name: str) -> Image.Image:
    _check_size(image.size, name)
    if image.format == "TIFF" and getattr(image, "_im", image) is None:
        # Pillow's TIFF reader repeats the size check unless its canvas exists; `_tile_size` is that before turning.
        image.im = Image.new(image.mode, getattr(image, "_tile_size", image.size)).im
    image.load()
    rgb = _to_rgb(image, name)
    orientation = None
    with suppress(Exception):  # damaged EXIF raises nearly anything; viewers show such a photo as it is stored
        orientation = image.getexif().get(ExifTags.Base.Orientation)  # after load: a PNG may hold it last
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    rgb.info.clear()  # the EXIF must go, or reading the result again would turn it again
    return rgb


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        values: NDArray[Any] = np.asarray(image)
        if image.mode == "I" and values.min() >= 0 and values.max() <= 65535:
            values = values.astype(np.uint16)  # 16-bit data in a 32-bit picture
        grey = _eight_bits(values, name)
        if isinstance(key := image.info.get("transparency"), int):  # PNG: this one 16-bit grey is see-through
            grey = np.where(values == key, np.uint8(255), grey)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image.convert("RGB")


def _from_array(array: NDArray[Any], name: str = "the array") -> Image.Image:
    if array.ndim < 2 or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise PhotoError(f"cannot read {name}: shape {array.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    _check_size((array.shape[1], array.shape[0]), name)
    with _errors(name):
        pixels = np.ascontiguousarray(_eight_bits(array, name))
        return _to_rgb(Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels), name)


def _eight_bits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # in either byte order
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    ends: tuple[Any, Any] = (values.min(), values.max()) if values.dtype.kind in "iuf" else ("?", "?")
    if values.dtype.kind == "f" and ends[0] >= -1e-4 and ends[1] <= 1 + 1e-4:  # slack for rounding; False for NaN
        return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)
    got = f"{values.dtype} values from {ends[0]} to {ends[1]}"
    raise PhotoError(f"cannot read {name}: {got}; give uint8, uint16, bool, or floats in [0, 1] without NaN")


def _check_size(size: tuple[int, int], name: str) -> None:
    if min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
        raise PhotoError(
            f"cannot read {name}: {size[0]}x{size[1]} pixels; use one of 1 to {MAX_PIXELS:,} pixels in all"
        )


def _walk(path: Path, seen: set[str]) -> list[Path]:
    """The photos at a path and below. `seen` are the real folders not to walk (again): links may loop."""
    with _errors(_printable(path)):  # not os.walk, which skips what it cannot list
        if not path.is_dir():
            return [path] if path.suffix.lower() in SUFFIXES else []
        if (real := os.path.realpath(path)) in seen:
            return []
        seen.add(real)
        entries = sorted(entry for entry in path.iterdir() if entry.name[0] != ".")
    return [photo for entry in entries for photo in _walk(entry, seen)]


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """Turn any exception into a PhotoError: on damaged files, pillow raises nearly every kind there is."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        cause = f"damaged or not supported ({text}); save or download it again"
        if isinstance(error, OSError) and error.strerror:  # from the system, not from pillow
            cause = f"{error.strerror.lower()}; check the path and your right to read it"
        elif isinstance(error, MemoryError | Image.DecompressionBombError):
            cause = f"too large ({text}); shrink or tile it"
        raise PhotoError(f"cannot read {name}: {cause}") from error


def _printable(path: str | Path) -> str:
    """The path on one line: escaped if it holds a line break or bytes that are no text."""
    return text if (text := os.fsdecode(path)).isprintable() else repr(text)
