"""HEIC, the format of many phones: pillow-heif reads it, where it is installed."""

from __future__ import annotations

from typing import BinaryIO, cast

from PIL import Image

from freeseg.errors import PhotoError, reason
from freeseg.extras import is_installed, missing_message

SUFFIXES = frozenset({".heic", ".heif", ".hif"})
PACKAGE = "pillow_heif"
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def brands(start: bytes) -> set[bytes]:
    """What a file of the kind of MP4 says that it is, by its first bytes; nothing for any other file.

    Example:
        >>> sorted(brands(bytes([0, 0, 0, 20]) + b"ftypheic" + bytes(4) + b"mif1"))
        [b'heic', b'mif1']
    """
    if start[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(start[:4], "big"), len(start))
    return {start[8:12], *(start[place : place + 4] for place in range(16, size - 3, 4))}


def is_heic(start: bytes) -> bool:
    """Whether a file is HEIC, by its first bytes."""
    named = brands(start)
    return bool(named & _BRANDS) and not named & _AVIF_BRANDS


def open_heic(file: BinaryIO, name: str) -> Image.Image:
    """Read the header of a HEIC file; `Image.open` learns nothing of it, unlike with `register_heif_opener`.

    The picture is turned upright when it is decoded, and its EXIF data say so.

    Raises:
        PhotoError: pillow-heif is not installed, or the file is damaged.
    """
    if not is_installed(PACKAGE):
        needed = missing_message(PACKAGE, what="which")
        raise PhotoError(f"cannot read {name}: it is HEIC, {needed}; or save it as PNG or JPEG")
    from pillow_heif import HeifImageFile

    file.seek(0)
    try:
        return cast(Image.Image, HeifImageFile(file, ""))
    except (ValueError, RuntimeError, SyntaxError, EOFError) as error:  # its name may say another kind
        raise PhotoError(
            f"cannot read {name}: it is HEIC, damaged or not supported ({reason(error)}); save or download it again"
        ) from error
