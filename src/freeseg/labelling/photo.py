"""A photo's bytes as a picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from freeseg.errors import PhotoError

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF")  # not EPS: it runs Ghostscript


@contextmanager
def opened(image: bytes, name: str) -> Iterator[Image.Image]:
    """A photo, not decoded yet.

    Args:
        image: The photo's file.
        name: What it is called in messages.

    Raises:
        PhotoError: It is of no known format; or what reading it in the block says, with its name.

    Example:
        >>> with opened(b"...", "holiday/a.jpg"):
        ...     pass
        Traceback (most recent call last):
        freeseg.errors.PhotoError: holiday/a.jpg: not a picture in a known format; save it as PNG or JPEG
    """
    try:
        with Image.open(io.BytesIO(image), formats=FORMATS) as picture:
            yield picture
    except UnidentifiedImageError as error:
        raise PhotoError(f"{name}: not a picture in a known format; save it as PNG or JPEG") from error
    except (PhotoError, Image.DecompressionBombError) as error:
        raise PhotoError(f"{name}: {error}") from error
