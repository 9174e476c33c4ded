"""Videos: their frames, upright and one by one, and what is no video."""

from __future__ import annotations

import io
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from films import GREYS, film, turn_clockwise
from freeseg.errors import FreeSegError, PhotoError
from freeseg.photos import FoundPhoto, Frame, Skipped, find_photos, frames_of, given_photos, read_photo, to_array


def frames(path: Path, every: int = 1) -> list[FoundPhoto]:
    return frames_of(FoundPhoto(path, PurePosixPath(path.name)), every=every)


def grey_of(photo: FoundPhoto) -> int:
    pixels = to_array(read_photo(photo.content))
    assert pixels.shape == (48, 64, 3)
    assert pixels[4:16, 4:24].max() <= 24  # the square
    return round(float(np.median(pixels[28:44, 36:60])))


def problem(photo: FoundPhoto) -> str:
    with pytest.raises(PhotoError) as caught:
        read_photo(photo.content)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov", ".MP4"])
def test_each_frame_is_a_photo(tmp_path: Path, suffix: str) -> None:
    found = frames(film(tmp_path / f"a{suffix}"))
    assert [(str(photo.name), photo.frame) for photo in found] == [
        (f"a-000{number}{suffix}", number) for number in range(1, 7)
    ]
    for order in (range(6), (4, 1, 5)):  # also again, and not in order
        assert np.abs(np.subtract([grey_of(found[index]) for index in order], [GREYS[i] for i in order])).max() <= 6


def test_every_second_one(tmp_path: Path) -> None:
    found = frames(film(tmp_path / "a.mp4"), every=2)
    assert [photo.frame for photo in found] == [1, 3, 5]
    assert np.abs(np.subtract([grey_of(photo) for photo in found], GREYS[::2])).max() <= 6
    assert {photo.content.rate for photo in found if isinstance(photo.content, Frame)} == {5}


def test_a_film_of_a_phone_is_turned_upright(tmp_path: Path) -> None:
    [photo] = frames(turn_clockwise(film(tmp_path / "a.mp4", greys=[200])))
    pixels = to_array(read_photo(photo.content))
    assert pixels.shape == (64, 48, 3)
    assert pixels[4:28, 28:44].max() <= 24  # the square is at the top right now
    assert pixels[4:28, 4:20].min() >= 190


def test_a_large_one_is_refused_from_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / "a.mp4")
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.003")
    [photo] = frames(tmp_path / "a.mp4")
    assert "64x48 pixels are 0.003072 megapixels, of which at most 0.003 are read" in problem(photo)


def test_what_cannot_be_read_costs_itself_only(tmp_path: Path) -> None:
    film(tmp_path / "cut.mkv")
    content = (tmp_path / "cut.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[:200])
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    for name in ("cut.mkv", "text.mp4", "empty.mp4", "folder.mp4", "gone.mp4"):
        [photo] = frames(tmp_path / name)
        assert problem(photo).startswith(f"cannot read {tmp_path / name}: ")


def test_a_file_that_shrank_meanwhile_is_named(tmp_path: Path) -> None:
    found = frames(film(tmp_path / "a.mkv"))
    film(tmp_path / "a.mkv", greys=GREYS[:2])
    assert grey_of(found[1]) <= 66
    assert problem(found[4]).startswith(f"cannot read frame 5 of {tmp_path / 'a.mkv'}: the video ends before it")


def test_a_list_of_other_files_is_no_video(tmp_path: Path) -> None:
    """FFmpeg would read what it names."""
    film(tmp_path / "secret.ts", greys=GREYS[:1])
    (tmp_path / "a.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "b.mkv").write_text("ffconcat version 1.0\nfile secret.ts\n")
    for name in ("a.mp4", "b.mkv"):
        [photo] = frames(tmp_path / name)
        assert "damaged or not supported" in problem(photo)


def test_a_named_one_is_taken_and_one_in_a_folder_is_not(tmp_path: Path) -> None:
    film(tmp_path / "shots.mp4")
    film(tmp_path / "a.jpg.mov")
    found = given_photos([str(tmp_path / "shots.mp4")], io.BytesIO(), every=5)
    assert [str(photo.name) for photo in found] == ["shots-0001.mp4", "shots-0006.mp4"]
    with pytest.raises(PhotoError, match="2 videos were skipped: freeseg segment takes the frames of a video that you"):
        find_photos([tmp_path])
    skipped = Skipped()
    read_photo(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "b.png")
    assert [str(photo.name) for photo in find_photos([tmp_path], skipped=skipped)] == ["b.png"]
    assert skipped.videos == 2


def test_without_pyav_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(FreeSegError, match=r'a\.mp4 needs PyAV; run: pip install "freeseg\[video\]"$'):
        given_photos([str(tmp_path / "a.mp4")], io.BytesIO())
