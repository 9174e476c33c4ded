"""One frame of an animation or film, or one page of a file: a photo of its own, with the number that it has there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from PIL import Image


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame or a page of a file. The frames of one file are read in order, and from one thread at a time.

    Attributes:
        source: The path of the file as it was given.
        number: Which of the file's frames or pages it is, from 1.
        decode: Gives the picture, upright and in RGB; it raises a PhotoError where the frame cannot be read.

    Example:
        >>> Frame(Path("clip.gif"), 3, lambda: Image.new("RGB", (4, 3)))
        Frame(source=..., number=3)
    """

    source: Path
    number: int
    decode: Callable[[], Image.Image] = field(repr=False)

    def decoded(self) -> Frame:
        """The same frame, which holds its picture and does not depend on the file any more.

        Raises:
            PhotoError: It cannot be read.
        """
        picture = self.decode()
        return Frame(self.source, self.number, lambda: picture)


def frame_name(name: str, number: int) -> str:
    """What a frame of a file is called.

    Args:
        name: The file's name.
        number: Which of the file's frames it is, from 1; 0 for the file itself.

    Example:
        >>> frame_name("clip.gif", 3), frame_name("clip.gif", 0)
        ('clip-0003.gif', 'clip.gif')
    """
    path = PurePath(name)
    return f"{path.stem}-{number:04d}{path.suffix}" if number else name


def frame_reference(source: str, number: int) -> str:
    """The path of a file, with the number of one of its frames after it; 0 for the file itself.

    Example:
        >>> frame_reference("clip.gif", 3), frame_reference("cat.jpg", 0)
        ('clip.gif#3', 'cat.jpg')
    """
    return f"{source}#{number}" if number else source
