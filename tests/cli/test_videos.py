"""`freeseg segment` and `freeseg heatmap` of videos: results of frames, and a video of overlays."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from commands import Run, one_line, results_of, written
from films import GREYS, film
from freeseg.results import overlay_video

LABELS = ("--labels", "cat, dog", "--out", "out")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None) -> None:
    monkeypatch.chdir(tmp_path)
    film(Path("clip.mp4"))


def shown(path: str) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_frames_and_a_video_of_overlays(run: Run) -> None:
    for _ in range(2):  # the second time it is its own
        done = run("segment", "clip.mp4", *LABELS)
        assert (done.code, done.err) == (0, "")
        stems = [f"clip-000{number}" for number in range(1, 7)]
        assert written(Path("out")) == sorted(["clip.overlay.mp4", *results_of(*stems)])
    assert "of all photos: out/clip.overlay.mp4" in done.out
    summary = json.loads(Path("out/clip-0003.json").read_text())
    assert (summary["name"], summary["source"], summary["frame"]) == ("clip-0003.mp4", "clip.mp4", 3)
    with av.open("out/clip.overlay.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.codec_context.name) == (10, "h264")
        assert container.metadata["comment"] == "FreeSeg, photo: ../clip.mp4"
    frames = shown("out/clip.overlay.mp4")
    assert len(frames) == len(GREYS)
    for number, frame in enumerate(frames, start=1):  # it shows what the pictures show
        with Image.open(f"out/clip-000{number}.overlay.jpg") as picture:
            expected = np.asarray(picture.convert("RGB"))[4:44, 4:60].astype(int)
        assert np.abs(frame[4:44, 4:60] - expected).mean() <= 12


def test_every_second_frame_at_half_the_rate(run: Run) -> None:
    assert run("segment", "clip.mp4", *LABELS, "--every", 2, "--save", "overlay").code == 0
    pictures = [f"clip-000{number}.overlay.jpg" for number in (1, 3, 5)]
    assert written(Path("out")) == [*pictures, "clip.overlay.mp4"]
    with av.open("out/clip.overlay.mp4") as container:
        assert container.streams.video[0].average_rate == 5


def test_without_overlays_there_is_no_video(run: Run) -> None:
    assert run("segment", "clip.mp4", *LABELS, "--save", "mask", "--every", 3).code == 0
    assert written(Path("out")) == ["clip-0001.mask.png", "clip-0004.mask.png"]


def test_mpeg4_where_there_is_no_h264(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay_video, "_CODECS", ("none", "mpeg4"))
    assert run("segment", "clip.mp4", *LABELS).code == 0
    with av.open("out/clip.overlay.mp4") as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"


def test_a_foreign_video_is_not_written_over(run: Run) -> None:
    Path("out").mkdir()
    film(Path("out/clip.overlay.mp4"))
    before = Path("out/clip.overlay.mp4").read_bytes()
    assert "FreeSeg did not write it" in one_line(run("segment", "clip.mp4", *LABELS))
    assert Path("out/clip.overlay.mp4").read_bytes() == before
    assert run("segment", "clip.mp4", *LABELS, "--overwrite").code == 0
    assert Path("out/clip.overlay.mp4").read_bytes() != before


def test_two_videos_of_one_name(run: Run) -> None:
    Path("b").mkdir()
    film(Path("b/clip.mp4"), greys=[200, 40], size=(32, 48))
    assert run("segment", "clip.mp4", "b/clip.mp4", *LABELS, "--save", "overlay", "--every", 2).code == 0
    videos = [name for name in written(Path("out")) if name.endswith(".mp4")]
    assert sorted(len(shown(f"out/{name}")) for name in videos) == [1, 3]


def test_a_video_that_cannot_be_written_is_named_and_costs_nothing_else(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay_video, "_CODECS", ("gif",))  # which MP4 cannot hold
    done = run("segment", "clip.mp4", *LABELS, "--save", "mask,overlay")
    assert "cannot write out/clip.overlay.mp4: " in one_line(done)
    assert len(written(Path("out"))) == 2 * len(GREYS)


def test_a_run_that_is_stopped_leaves_the_frames_that_are_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add = overlay_video.OverlayVideo.add

    def stop_at_the_third(self: overlay_video.OverlayVideo, result: object, stem: str) -> None:
        if stem == "clip-0003":
            raise KeyboardInterrupt
        add(self, result, stem)  # type: ignore[arg-type]

    monkeypatch.setattr(overlay_video.OverlayVideo, "add", stop_at_the_third)
    done = run("segment", "clip.mp4", *LABELS)
    assert (done.code, done.err) == (130, "freeseg: stopped; what was finished is kept\n")
    assert len(shown("out/clip.overlay.mp4")) == 2
    assert not [name for name in written(Path("out")) if name.endswith(".part")]


def test_a_damaged_one_does_not_cost_the_others(run: Run) -> None:
    Path("text.mp4").write_text("no video")
    done = run("segment", "text.mp4", "clip.mp4", *LABELS, "--every", 6)
    assert one_line(done).startswith("freeseg: cannot read text.mp4: damaged or not supported")
    assert written(Path("out")) == sorted(["clip.overlay.mp4", *results_of("clip-0001")])


def test_heat_maps(run: Run) -> None:
    assert run("heatmap", "clip.mp4", *LABELS, "--every", 3).code == 0
    assert written(Path("out")) == ["clip-0001.heatmap.jpg", "clip-0004.heatmap.jpg"]
