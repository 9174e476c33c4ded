"""Reading photos safely: whatever a user has becomes an upright 8-bit RGB picture, or an error of one line."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.files import path_for_message
from freeseg.photos.decoding import array_to_rgb, open_header, photo_errors, upright_rgb
from freeseg.photos.frame import Frame
from freeseg.photos.large_jpegs import Opened, Size, decoded_again, read_large
from freeseg.photos.limits import is_large
from freeseg.photos.resizing import resize
from freeseg.photos.web import WebFile, WebPhoto


class BinaryFile(Protocol):
    """An open binary file, `io.BytesIO` among them."""

    def read(self) -> bytes:
        """The rest of the file."""
        ...


class ArrayLike(Protocol):
    """What NumPy makes an array of: a tensor, for example."""

    def __array__(self) -> NDArray[Any]:
        """The values."""
        ...


Photo: TypeAlias = (
    str
    | os.PathLike[str]
    | Image.Image
    | NDArray[Any]
    | bytes
    | bytearray
    | memoryview
    | BinaryFile
    | ArrayLike
    | Frame
    | WebPhoto
)


def read_photo(photo: Photo) -> Image.Image:
    """Read a photo as an upright, fully loaded 8-bit RGB picture that shares nothing with its source.

    The EXIF orientation is applied, transparent pixels are laid over white, 16-bit values are divided by 257 and
    rounded, and floats are multiplied by 255 and rounded. Greys of 32 bits are 8-bit values where none exceeds 255, and
    16-bit values where none exceeds 65535. Of a TIFF file, the tags tell which value is white, and pages that are
    previews are passed over.

    Args:
        photo: One of these.

            - The path of a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF, PPM or JPEG 2000 file, or of a HEIC file where
              pillow-heif is installed. It is known by its content and not by its suffix. Of an animation the first
              frame is read.
            - The bytes of such a file, or an open binary file, which is read from its start.
            - A PIL picture, of which the current frame is read.
            - An array or tensor (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16, bool, or floats in [0, 1].
              (3, H, W) and (1, H, W) are taken where H and W are above 4, so that nothing else can be meant.
            - A frame of a file, as `freeseg.photos.frames_of` gives it.
            - A `freeseg.photos.WebPhoto`, which is fetched. (A text that is a URL is not.)

    Raises:
        PhotoError: The photo is missing, unreadable, damaged, empty, of another kind, or has more than 120
            megapixels (a TIFF file 108, WebP 60, JPEG 2000 48), which the variable `FREESEG_MAX_MEGAPIXELS` can
            change (whatever Pillow's own limit is; a WebP file may not have twice that limit either). Nothing else is
            raised.

    Example:
        >>> read_photo(np.full((2, 3), 0.5)).getpixel((0, 0))
        (128, 128, 128)
    """
    if isinstance(photo, np.ndarray):
        return array_to_rgb(photo, "the array")
    if isinstance(photo, Image.Image):
        name = path_for_message(getattr(photo, "filename", "")) or "the picture"
        with photo_errors(name):
            return upright_rgb(photo, name)
    if isinstance(photo, Frame):
        return photo.decode()
    if isinstance(photo, WebPhoto):
        photo = photo.fetch()
    if isinstance(photo, str | os.PathLike):
        with opened(Path(os.fsdecode(photo))) as (image, name):
            return upright_rgb(image, name, is_own=True)
    if isinstance(photo, bytes | bytearray | memoryview):
        return read_bytes(bytes(photo), "the bytes")
    if hasattr(photo, "read"):
        return read_bytes(*_content_of(photo))
    if hasattr(photo, "__array__"):
        return array_to_rgb(_array_of(photo), "the tensor" if hasattr(photo, "detach") else "the array")
    raise PhotoError(
        f"cannot read a photo from {type(photo).__name__}; give a path, bytes, an open binary file, a PIL picture, an "
        "array or a tensor"
    )


def size_of(photo: Photo) -> Size | None:
    """(width, height) of a photo as its file or its bytes say, before it is turned upright; None where nothing says it.

    Example:
        >>> size_of(Image.new("RGB", (4, 3))), size_of(b"no photo")
        ((4, 3), None)
    """
    if isinstance(photo, Image.Image):
        return photo.size
    with suppress(PhotoError):
        if isinstance(photo, str | os.PathLike):
            with opened(Path(os.fsdecode(photo))) as (image, _):
                return image.size
        if isinstance(photo, bytes | WebFile):
            with photo_errors("the bytes"):
                return _header_of(photo if isinstance(photo, bytes) else photo.getvalue(), "the bytes").size
    return None


def is_photo(given: object) -> bool:
    """Whether something is one photo, and not several of them, by its type.

    Example:
        >>> is_photo("a.jpg"), is_photo(io.BytesIO()), is_photo(["a.jpg", "b.jpg"])
        (True, True, False)
    """
    kinds = (str, os.PathLike, Image.Image, bytes, bytearray, memoryview, Frame, WebPhoto)
    return isinstance(given, kinds) or hasattr(given, "read") or hasattr(given, "__array__")


def read_bytes(content: bytes, name: str) -> Image.Image:
    """Read a photo from the bytes of its file, as `read_photo` does.

    Args:
        content: The whole file.
        name: What errors call the photo.

    Raises:
        PhotoError: As of `read_photo`.

    Example:
        >>> read_bytes(b"...", "holiday/a.jpg")
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read holiday/a.jpg: not a picture in a known format; save it as PNG or JPEG
    """
    with photo_errors(name):
        return upright_rgb(_header_of(content, name), name, is_own=True)


def read_resized(
    photo: Photo, fit: Callable[[Size], Size], *, resample: Image.Resampling = Image.Resampling.BICUBIC
) -> tuple[Image.Image, Image.Image]:
    """Read a photo as `read_photo` does, and a version of it in another size.

    Of a JPEG (a file, an open one, or its bytes) that is much larger than the size that is asked for, the version is
    made from what the file holds for a reduced scale, and the photo itself is decoded when its pixels are first needed.
    A file of another kind with more than `LARGE_MEGAPIXELS` is let go of and decoded again then.

    Args:
        photo: As `read_photo` takes it.
        fit: The size that is asked for, (width, height), of a photo of some size.
        resample: The filter, as of `resize`.

    Returns:
        The photo, and its version in that size.

    Raises:
        PhotoError: As of `read_photo`.

    Example:
        >>> read_resized(np.zeros((30, 40, 3), np.uint8), lambda size: (size[0] // 2, size[1] // 2))[1].size
        (20, 15)
    """
    if isinstance(photo, WebPhoto):
        photo = photo.fetch()
    if isinstance(photo, str | os.PathLike):
        with opened(Path(os.fsdecode(photo))) as (image, name):
            if large := read_large(image, name, fit, resample):
                return large
            whole = upright_rgb(image, name, is_own=True)
        again: Opened = partial(opened, Path(os.fsdecode(photo)).absolute())  # the current folder may change meanwhile
    elif isinstance(photo, bytes | bytearray | memoryview) or (not _is_pixels(photo) and hasattr(photo, "read")):
        content, name = (bytes(photo), "the bytes") if not hasattr(photo, "read") else _content_of(photo)
        with photo_errors(name):
            image = _header_of(content, name)
            if large := read_large(image, name, fit, resample):
                return large
            whole = upright_rgb(image, name, is_own=True)
        again = partial(_opened_bytes, content, name)
    else:
        whole = read_photo(photo)
        return whole, resize(whole, fit(whole.size), resample=resample)
    shown = resize(whole, fit(whole.size), resample=resample)
    if not is_large(whole.size):
        return whole, shown
    return decoded_again(whole.size, again), shown


@contextmanager
def _opened_bytes(content: bytes, name: str) -> Iterator[tuple[Image.Image, str]]:
    with photo_errors(name):
        yield _header_of(content, name), name


def _header_of(content: bytes, name: str) -> Image.Image:
    if not content:
        raise PhotoError(f"cannot read {name}: empty (0 bytes); copy or download it again, and read no pipe twice")
    return open_header(io.BytesIO(content), name)


def _is_pixels(photo: Photo) -> bool:
    return isinstance(photo, Image.Image | np.ndarray)


def _content_of(file: Any) -> tuple[bytes, str]:
    """The content of an open file, from its start where it can go there, and what errors call it."""
    given = getattr(file, "name", None)
    name = path_for_message(given) if isinstance(given, str) and given else "the open file"
    with photo_errors(name):
        with suppress(OSError, AttributeError, TypeError, ValueError):  # a pipe has no start to go to
            file.seek(0)
        content = file.read()
        if not isinstance(content, bytes | bytearray | memoryview):
            close = getattr(content, "close", None)  # of a coroutine that nobody will await
            if close is not None:
                close()
            got = type(content).__name__
            raise PhotoError(f"cannot read {name}: reading it gives {got} and no bytes; open it in binary mode ('rb')")
    return bytes(content), name


def _array_of(given: Any) -> NDArray[Any]:
    """The values of a tensor or of another library's array."""
    with photo_errors("the tensor" if hasattr(given, "detach") else "the array"):
        if not hasattr(given, "detach"):
            return np.asarray(given)
        tensor = given.detach().cpu()
        try:
            return np.asarray(tensor.numpy())
        except TypeError:  # bfloat16, which NumPy does not have
            return np.asarray(tensor.float().numpy())


@contextmanager
def opened(path: Path) -> Iterator[tuple[Image.Image, str]]:
    """A photo's file of which the header was read, and what errors call it.

    Raises:
        PhotoError: It cannot be read, or what is done with it fails.
    """
    name = path_for_message(path)
    with photo_errors(name):
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise PhotoError(f"cannot read {name}: it is a folder; name a photo inside it")
        if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for ever
            raise PhotoError(f"cannot read {name}: not a regular file; save it to one first")
        if info.st_size == 0:
            raise PhotoError(f"cannot read {name}: the file is empty (0 bytes); copy or download it again")
        with path.open("rb") as file:
            yield open_header(file, name), name
