"""What a photo is called, and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from freeseg.photos.reading import Photo

UNNAMED = "photo"


def photo_source(photo: Photo) -> str:
    """The path of a photo's file as it was given, or "" where there is none, as of an array.

    A PIL picture that was opened from a path knows that path, and so does an open file.

    Example:
        >>> photo_source(Path("cam1") / "0001.jpg") == os.path.join("cam1", "0001.jpg")
        True
        >>> photo_source(Image.new("RGB", (4, 3)))
        ''
    """
    path: object = photo if isinstance(photo, str | os.PathLike) else ""
    if isinstance(photo, Image.Image):
        path = getattr(photo, "filename", "")
    elif hasattr(photo, "read"):
        path = getattr(photo, "name", "")
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""


def photo_name(source: str) -> str:
    """What a photo is called: its file's name, or "photo" if it is from no file.

    Example:
        >>> photo_name("cam1/0001.jpg"), photo_name("")
        ('0001.jpg', 'photo')
    """
    return Path(source).name or UNNAMED
