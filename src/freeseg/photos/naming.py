"""What a photo is called, and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from freeseg.photos.frame import Frame, frame_name
from freeseg.photos.reading import Photo
from freeseg.photos.web import WebPhoto
from freeseg.urls import is_url, url_name

UNNAMED = "photo"


def photo_source(photo: Photo) -> str:
    """The path of a photo's file as it was given, or its URL; "" where there is none, as of an array.

    A PIL picture that was opened from a path knows that path, and so does an open file.

    Example:
        >>> photo_source(Path("cam1") / "0001.jpg") == os.path.join("cam1", "0001.jpg")
        True
        >>> photo_source(Image.new("RGB", (4, 3)))
        ''
    """
    path: object = photo if isinstance(photo, str | os.PathLike) else ""
    if isinstance(photo, Frame):
        path = photo.source
    if isinstance(photo, WebPhoto):
        path = photo.url
    if isinstance(photo, Image.Image):
        path = getattr(photo, "filename", "")
    elif hasattr(photo, "read"):
        path = getattr(photo, "name", "")
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""


def frame_number(photo: object) -> int:
    """Which of its file's frames or pages a photo is, from 1; 0 for what is no frame.

    Example:
        >>> frame_number("clip.gif")
        0
    """
    return photo.number if isinstance(photo, Frame) else 0


def photo_name(source: str, frame: int = 0) -> str:
    """What a photo is called: its file's name, or "photo" if it is from no file.

    Args:
        source: The path of its file, or its URL.
        frame: Which of the file's frames it is, from 1; 0 for the file itself.

    Example:
        >>> photo_name("cam1/0001.jpg"), photo_name("clip.gif", 12), photo_name("")
        ('0001.jpg', 'clip-0012.gif', 'photo')
    """
    return frame_name(url_name(source) if is_url(source) else Path(source).name, frame) or UNNAMED
