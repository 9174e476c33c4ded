"""The overlays of a video's frames as a video: `STEM.overlay.mp4`, in H.264 where PyAV has it, and else in MPEG-4."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image

from freeseg.errors import OutputError, one_line
from freeseg.files import atomic_path, path_for_message
from freeseg.photos import Frame
from freeseg.results.drawing import PAPER, display_palette
from freeseg.results.legend import draw_names
from freeseg.results.marks import comment
from freeseg.results.overlay import overlay
from freeseg.results.places import NamedPhoto, choose_stems

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from freeseg.photos import FoundPhoto
    from freeseg.results.segmentation import Segmentation

ENDING = ".overlay.mp4"
_CODECS = ("libx264", "libopenh264", "mpeg4")


class OverlayVideo:
    """A video that grows with each result of a frame of one video, and is there whole or not at all.

    Args:
        path: Where it goes.
        source: The video that the frames are from.
        rate: How many frames there are in a second.
    """

    holds_results = True

    def __init__(self, path: Path, source: Path, rate: Fraction):
        self.path = path
        self._source, self._rate = source, rate
        self._open = ExitStack()
        self._writing: tuple[OutputContainer, VideoStream] | None = None
        self._problem: OutputError | None = None

    def check(self, *, overwrite: bool) -> None:
        """Nothing: its path was chosen so that it is not in anybody's way."""

    def add(self, result: Segmentation, stem: str) -> None:
        """Take up a result of a frame of the video; that of another photo ends it, as a codec takes much memory."""
        if result.source != str(self._source) or not result.frame:
            self._end()
        elif not self._problem:
            with self._keeping_problems():
                picture = _drawn(result)
                if self._writing is None:
                    self._writing = self._begun(picture.size)
                self._mux(picture)

    def write(self) -> None:
        """Write the end of the video.

        Raises:
            OutputError: It cannot be written.
        """
        self._end()
        if self._problem:
            raise self._problem

    def _end(self) -> None:
        with self._keeping_problems(), self._open:
            if self._writing is not None:
                container, _ = self._writing
                try:
                    if not self._problem:
                        self._mux(None)
                finally:
                    self._writing = None
                    container.close()
            if self._problem:
                raise self._problem  # so that nothing half-written is left

    def _mux(self, picture: Image.Image | None) -> None:
        """Add a picture, or what the codec still holds."""
        from av import VideoFrame

        if self._writing is not None:
            container, stream = self._writing
            frame = None
            if picture is not None:
                pixels = np.asarray(picture.resize((stream.width, stream.height)))
                frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))

    def _begun(self, size: tuple[int, int]) -> tuple[OutputContainer, VideoStream]:
        import av

        temporary = self._open.enter_context(atomic_path(self.path))
        container = av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"})
        container.metadata["comment"] = comment(NamedPhoto("", str(self._source)).mark(self.path.parent))
        codec = next(name for name in _CODECS if name in av.codec.codecs_available)
        stream = cast("VideoStream", container.add_stream(codec, rate=self._rate.limit_denominator(1001)))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        return container, stream

    @contextmanager
    def _keeping_problems(self) -> Iterator[None]:
        """What goes wrong is told at the end: it does not cost the other files of the frames."""
        try:
            yield
        except OutputError as error:
            self._problem = error
        except Exception as error:
            words = one_line(error) or type(error).__name__
            self._problem = OutputError(
                f"cannot write {path_for_message(self.path)}: {words}; choose another folder, or no overlay"
            )


def overlay_videos(
    photos: Iterable[FoundPhoto], folder: Path, *, photo_paths: Collection[str], overwrite: bool
) -> list[OverlayVideo]:
    """A video of overlays for each video whose frames are among the photos.

    Args:
        photos: The photos.
        folder: Where the videos go.
        photo_paths: Real paths of photos that must not be overwritten.
        overwrite: Whether files that FreeSeg did not write may be overwritten.

    Raises:
        OutputError: A file is in the way.
    """
    rates: dict[NamedPhoto, Fraction] = {}
    for photo in photos:
        if isinstance(photo.picture, Frame) and photo.picture.rate:
            name = photo.name.with_name(photo.path.name).as_posix()
            rates.setdefault(NamedPhoto(name, str(photo.path)), photo.picture.rate)
    stems = choose_stems([*rates], folder, endings=[ENDING], photos=photo_paths, overwrite=overwrite)
    videos = []
    for stem, (video, rate) in zip(stems, rates.items(), strict=True):
        if isinstance(stem, OutputError):
            raise stem
        videos.append(OverlayVideo(folder / f"{stem}{ENDING}", Path(video.source), rate))
    return videos


def _drawn(result: Segmentation) -> Image.Image:
    """A frame's overlay; below it, names of all labels, so that all frames of a video have one size. Sides are even."""
    photo, labels = result.photo, result.labels
    shown = overlay(photo, result.mask, labels, {}).crop((0, 0, *photo.size))
    size = max(11, round(math.sqrt(photo.width * photo.height) / 40))
    legend = draw_names(labels, display_palette(labels), width=max(photo.width, 14 * size), size=size)
    height = photo.height + legend.height
    canvas = Image.new("RGB", (legend.width + legend.width % 2, height + height % 2), PAPER)
    canvas.paste(shown, (0, 0))
    canvas.paste(legend, (0, photo.height))
    return canvas
