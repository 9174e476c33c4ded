"""Videos: PyAV decodes them, where it is installed. Each frame is a photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from freeseg.errors import PhotoError
from freeseg.extras import is_installed, require
from freeseg.files import path_for_message
from freeseg.photos.decoding import photo_errors
from freeseg.photos.frame import Frame, FrameFile
from freeseg.photos.limits import check_size, max_megapixels

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_NAMES = ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .mts .m2ts .3gp .wmv .ogv"
SUFFIXES = frozenset(_NAMES.split())
PACKAGE = "av"
# Lists of other files, which some formats are, would have FFmpeg read whatever they name, also from the network.
_SAFE = {"format_whitelist": "mov,matroska,webm,avi,mpeg,mpegts,asf,ogg", "protocol_whitelist": "file"}
_USUAL_RATE = 25  # frames in a second, where the file does not say it
_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, -90: Image.Transpose.ROTATE_270}


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its name.

    Example:
        >>> is_video(Path("clip.MP4")), is_video(Path("cat.jpg"))
        (True, False)
    """
    return path.suffix.lower() in SUFFIXES


def video_frames(path: Path, every: int = 1) -> list[Frame]:
    """The frames of a video. They are counted without decoding them.

    Args:
        path: The file.
        every: 2 takes the first frame, the third and so on.

    Returns:
        The frames; of a video that cannot be read, one that raises the error.

    Raises:
        FreeSegError: PyAV is not installed.
    """
    require(PACKAGE, what=path_for_message(path))
    try:
        with _opened(path) as (container, stream):
            count = sum(bool(packet.size) and not packet.is_discard for packet in container.demux(stream))
            rate = Fraction(stream.average_rate or stream.guessed_rate or _USUAL_RATE) / every
        if not count:
            raise PhotoError(f"cannot read {path_for_message(path)}: it has no frames; save or download it again")
    except PhotoError as error:
        return [Frame(path, 1, _raising(error))]
    return _Video(path, range(1, count + 1, every), rate).frames()


def video_comment(path: Path) -> str:
    """The comment in a video's header; "" where there is none, it cannot be read, or PyAV is not installed."""
    if is_installed(PACKAGE):
        with suppress(PhotoError), _opened(path) as (container, _):
            return container.metadata.get("comment", "")
    return ""


class _Video(FrameFile):
    _decoded: Iterator[VideoFrame] | None = None
    _at = 0  # the number of the frame that was decoded last
    _open = ExitStack()

    def picture(self, number: int, name: str) -> Image.Image:
        with photo_errors(name):
            if self._decoded is None or number <= self._at:
                self.close()
                self._open = ExitStack()
                self._decoded, self._at = _frames(*self._open.enter_context(_opened(self.path))), 0
            for frame in self._decoded:
                self._at += 1
                if self._at == number:
                    return _upright(frame, name)
        raise PhotoError(f"cannot read {name}: the video ends before it, or is damaged; save or download it again")

    def close(self) -> None:
        self._decoded = None
        self._open.close()


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames that can be decoded: what is damaged costs those that depend on it."""
    from av.error import InvalidDataError

    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except InvalidDataError:
            continue


def _upright(frame: VideoFrame, name: str) -> Image.Image:
    check_size((frame.width, frame.height), name)
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    turn = _TURNS.get(frame.rotation)
    return picture if turn is None else picture.transpose(turn)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video, whose header was read, and which does not decode larger frames than are allowed."""
    import av

    name = path_for_message(path)
    with photo_errors(name):
        if not path.is_file():
            raise PhotoError(f"cannot read {name}: not a regular file; save it to one first")
        with av.open(os.path.abspath(path), options=_SAFE) as container:  # noqa: PTH100 - links stay as they are
            if not container.streams.video:
                raise PhotoError(f"cannot read {name}: no video is in it; give a video, or a photo")
            stream = container.streams.video[0]
            check_size((stream.width, stream.height), name)
            stream.codec_context.options = {"max_pixels": str(int(max_megapixels() * 1_000_000))}
            yield container, stream


def _raising(error: PhotoError) -> Callable[[], Image.Image]:
    def decode() -> Image.Image:
        raise error

    return decode
