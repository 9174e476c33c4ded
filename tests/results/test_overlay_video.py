"""The video of overlays: when it is there, and what comes of what goes wrong."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from commands import written
from freeseg.errors import OutputError
from freeseg.results import overlay_video
from freeseg.results.overlay_video import OverlayVideo
from freeseg.results.segmentation import Segmentation


def result(source: str, frame: int, size: tuple[int, int] = (33, 25)) -> Segmentation:
    mask = np.zeros(size[::-1], np.uint8)
    mask[:, : 4 * frame] = 1
    confidence = np.ones(mask.shape, np.float32)
    return Segmentation(
        mask, confidence, ("background", "cat"), Image.new("RGB", size, "white"), source=source, frame=frame
    )


def frames(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        return [(frame.width, frame.height) for frame in container.decode(video=0)]


def test_it_is_finished_when_another_photo_comes(tmp_path: Path) -> None:
    """A codec holds a hundred megabytes or more, and a run may have many videos."""
    video = OverlayVideo(tmp_path / "a.overlay.mp4", Path("a.mp4"), Fraction(10))
    video.add(result("b.mp4", 1), "b-0001")
    for number in (1, 2, 3):
        video.add(result("a.mp4", number), f"a-000{number}")
    assert not video.path.exists()
    video.add(result("c.mp4", 1), "c-0001")
    assert len(frames(video.path)) == 3
    content = video.path.read_bytes()
    video.write()
    assert (video.path.read_bytes(), written(tmp_path)) == (content, ["a.overlay.mp4"])


def test_all_frames_have_one_size_with_even_sides(tmp_path: Path) -> None:
    video = OverlayVideo(tmp_path / "a.overlay.mp4", Path("a.mp4"), Fraction(30_000, 1_001))
    for number in (1, 2, 3):
        video.add(result("a.mp4", number, (33, 25) if number < 3 else (60, 41)), f"a-000{number}")
    video.write()
    ((width, height),) = set(frames(video.path))
    assert (width % 2, height % 2) == (0, 0)
    assert width >= 33
    assert height > 25  # the legend is below
    with av.open(str(video.path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30_000, 1_001)


def test_without_a_frame_nothing_is_written(tmp_path: Path) -> None:
    OverlayVideo(tmp_path / "a.overlay.mp4", Path("a.mp4"), Fraction(10)).write()
    assert written(tmp_path) == []


@pytest.mark.parametrize("ends", ["with the run", "with another photo"])
def test_what_goes_wrong_is_told_at_the_end_and_leaves_nothing(
    tmp_path: Path, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay_video, "_CODECS", ("gif",))  # which MP4 cannot hold
    video = OverlayVideo(tmp_path / "a.overlay.mp4", Path("a.mp4"), Fraction(10))
    for number in (1, 2):
        video.add(result("a.mp4", number), f"a-000{number}")
    if ends == "with another photo":
        video.add(result("b.jpg", 0), "b")
    with pytest.raises(OutputError, match=r"^cannot write .*a\.overlay\.mp4: "):
        video.write()
    assert written(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    video = OverlayVideo(tmp_path / "file" / "a.overlay.mp4", Path("a.mp4"), Fraction(10))
    video.add(result("a.mp4", 1), "a-0001")
    with pytest.raises(OutputError, match="choose another folder"):
        video.write()
