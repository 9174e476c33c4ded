"""One frame of an animation or film, or one page of a file: a photo of its own, with the number that it has there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePath

from PIL import Image

from freeseg.files import path_for_message


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame or a page of a file. The frames of one file are read in order, and from one thread at a time.

    Attributes:
        source: The path of the file as it was given, or its URL, which is a text.
        number: Which of the file's frames or pages it is, from 1; 0 for a file's only picture.
        decode: Gives the picture, upright and in RGB; it raises a PhotoError where the frame cannot be read.
        rate: Of a video, how many of the frames that are taken there are in a second; else None.

    Example:
        >>> Frame(Path("clip.gif"), 3, lambda: Image.new("RGB", (4, 3))).number
        3
    """

    source: Path | str
    number: int
    decode: Callable[[], Image.Image] = field(repr=False)
    rate: Fraction | None = None

    def decoded(self) -> Frame:
        """The same frame, which holds its picture and does not depend on the file any more.

        Raises:
            PhotoError: It cannot be read.
        """
        picture = self.decode()
        return Frame(self.source, self.number, lambda: picture, self.rate)


class FrameFile(ABC):
    """A file that is opened for its first frame, and closed after its last one: each frame builds on those before it.

    Args:
        path: The file.
        numbers: Of the frames that will be read, in order.
        rate: As `Frame` has it.
        url: Of a file on the web; `path` is then only a name.
    """

    def __init__(self, path: Path, numbers: Sequence[int], rate: Fraction | None = None, *, url: str = ""):
        self.path, self._numbers, self._rate, self._source = path, numbers, rate, url or path

    def frames(self) -> list[Frame]:
        """The frames."""
        return [Frame(self._source, number, partial(self._read, number), self._rate) for number in self._numbers]

    @abstractmethod
    def picture(self, number: int, name: str) -> Image.Image:
        """A frame, upright and in RGB.

        Args:
            number: Of the frame, from 1.
            name: What errors call it.

        Raises:
            PhotoError: It cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file, if it is open."""

    def _read(self, number: int) -> Image.Image:
        try:
            return self.picture(number, f"frame {number} of {path_for_message(self._source)}")
        finally:
            if number == self._numbers[-1]:
                self.close()


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
