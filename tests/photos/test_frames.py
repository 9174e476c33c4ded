"""Files of several pictures: which frames and pages there are, what they look like, and how they are read."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np
import pytest
from PIL import Image

import freeseg
from freeseg.errors import FreeSegError, PhotoError
from freeseg.photos import FoundPhoto, Frame, Skipped, frames_of, given_photos, prefetch_photos, read_photo
from freeseg.pipeline import FreeSeg
from freeseg.results.segmentation import Segmentation
from pictures import needs_avif

COLOURS = ["red", "lime", "blue", "white"]
RGB = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
PREVIEW, MASK = 1, 4  # of the tag that says what a page is


def clip(path: Path, colours: list[str] = COLOURS, **options: object) -> Path:
    first, *others = (Image.new("RGB", (24, 16), colour) for colour in colours)
    first.save(path, save_all=True, append_images=others, **options)
    return path


def frames(path: Path) -> list[FoundPhoto]:
    return frames_of(FoundPhoto(path, PurePosixPath("shots", path.name)))


def colour_of(photo: FoundPhoto) -> tuple[int, ...]:
    picture = read_photo(photo.content)
    assert (picture.mode, picture.size) == ("RGB", (24, 16))
    colour = picture.getpixel((12, 8))
    assert isinstance(colour, tuple)
    return colour


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.gif", {}),
        ("a.png", {}),
        ("a.webp", {"lossless": True}),
        ("a.tif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        pytest.param("a.avif", {"quality": 100}, marks=needs_avif),
    ],
)
def test_each_frame_is_a_photo(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    found = frames(clip(tmp_path / name, **options))
    suffix = name[1:]
    assert [str(photo.name) for photo in found] == [f"shots/a-000{number}{suffix}" for number in (1, 2, 3, 4)]
    assert [(photo.path, photo.frame, photo.is_on_disk) for photo in found] == [
        (tmp_path / name, number, True) for number in (1, 2, 3, 4)
    ]
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):  # also again, and not in order
        for index in order:
            assert np.abs(np.subtract(colour_of(found[index]), RGB[index])).max() <= 3


def test_transparent_parts_of_a_frame_show_what_was_there_before(tmp_path: Path) -> None:
    below, above = Image.new("RGBA", (24, 16), "red"), Image.new("RGBA", (24, 16))
    above.paste("blue", (0, 0, 12, 16))
    below.save(tmp_path / "a.gif", save_all=True, append_images=[above], disposal=0)
    picture = read_photo(frames(tmp_path / "a.gif")[1].content)
    assert [picture.getpixel((x, 8)) for x in (4, 20)] == [(0, 0, 255), (255, 0, 0)]


def test_a_page_is_turned_upright(tmp_path: Path) -> None:
    wide = np.zeros((16, 24, 3), np.uint8)
    wide[:8] = 255
    pages = [Image.fromarray(wide), Image.fromarray(np.ascontiguousarray(np.rot90(wide)))]
    pages[1].encoderinfo = {"tiffinfo": {274: 6}}  # type: ignore[attr-defined]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    for photo in frames(tmp_path / "a.tif"):
        picture = read_photo(photo.content)
        assert (picture.size, picture.getpixel((20, 2)), picture.getpixel((2, 14))) == ((24, 16), (255,) * 3, (0,) * 3)


def test_previews_and_masks_are_no_pages(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (24, 16), colour) for colour in COLOURS]
    for page, kind in zip(pages, (PREVIEW, 0, MASK, 0), strict=True):
        page.encoderinfo = {"tiffinfo": {254: kind}}  # type: ignore[attr-defined]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], tiffinfo={254: PREVIEW})
    found = frames(tmp_path / "a.tif")
    assert [photo.frame for photo in found] == [2, 4]
    assert [colour_of(photo) for photo in found] == [RGB[1], RGB[3]]


def test_the_picture_for_programs_without_animations_is_no_frame(tmp_path: Path) -> None:
    found = frames(clip(tmp_path / "a.png", default_image=True))
    assert [photo.frame for photo in found] == [2, 3, 4]
    assert [colour_of(photo) for photo in found] == RGB[1:]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.tif", "a.webp"])
def test_one_picture_has_no_frames(tmp_path: Path, name: str) -> None:
    assert frames(clip(tmp_path / name, ["red"])) == []


def test_what_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    assert frames(tmp_path / "a.gif") == frames(tmp_path / "gone.gif") == frames(tmp_path) == []
    assert frames_of(FoundPhoto(Path("stdin"), PurePosixPath("stdin"), Image.new("RGB", (4, 3)))) == []


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_frame_does_not_cost_those_before_it(tmp_path: Path) -> None:
    found = frames(clip(tmp_path / "a.tif"))
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) * 3 // 5])  # while it waited
    assert colour_of(found[0]) == RGB[0]
    with pytest.raises(PhotoError, match=r"^cannot read frame 4 of .*a\.tif: "):
        found[3].content.decode()  # type: ignore[union-attr]


def test_the_limit_of_a_photo_is_that_of_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = frames(clip(tmp_path / "a.tif")) + frames(clip(tmp_path / "a.webp"))
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.00045")
    colour_of(found[0])
    with pytest.raises(PhotoError, match=r"frame 1 of .*a\.webp: 24x16 .* at most 0\.000225 are read of WEBP"):
        read_photo(found[4].content)


def test_one_frame_is_decoded_at_a_time(tmp_path: Path) -> None:
    """And in the thread that asks for the photos: the next one builds on it."""
    read: list[int] = []

    def reading(number: int) -> Image.Image:
        read.append(number)
        return Image.new("RGB", (4, 3))

    def endless() -> list[Frame]:
        return [Frame(tmp_path, number, lambda number=number: reading(number)) for number in range(1, 50)]

    upcoming = prefetch_photos(lambda frame: frame.number, endless(), count=2)  # type: ignore[union-attr]
    assert [next(upcoming).result() for _ in range(3)] == [1, 2, 3]
    assert read == [1, 2, 3, 4, 5]
    upcoming.close()


def test_the_first_is_taken_and_the_others_are_counted_unless_they_are_asked_for(tmp_path: Path) -> None:
    clip(tmp_path / "a.gif")
    clip(tmp_path / "b.tif", COLOURS[:2])
    Image.new("RGB", (4, 3)).save(tmp_path / "c.png")
    skipped = Skipped()
    found = given_photos([str(tmp_path)], io.BytesIO(), skipped=skipped)
    assert [str(photo.name) for photo in found] == ["a.gif", "b.tif", "c.png"]
    assert skipped.lines() == ["4 more frames or pages were skipped: add --frames to take each as a photo of its own"]
    skipped = Skipped()
    found = given_photos([str(tmp_path)], io.BytesIO(), frames=True, skipped=skipped)
    names = ["a-0001.gif", "a-0002.gif", "a-0003.gif", "a-0004.gif", "b-0001.tif", "b-0002.tif", "c.png"]
    assert [str(photo.name) for photo in found] == names
    assert skipped.lines() == []


def test_the_file_is_closed_after_its_last_frame(tmp_path: Path) -> None:
    found = frames(clip(tmp_path / "a.gif"))
    for photo in found:
        colour_of(photo)
    file = found[0].content.decode.func.__self__  # type: ignore[union-attr]
    assert file._image is None


def segmented(model: FreeSeg, photos: Iterable[Frame]) -> list[Segmentation]:
    results = list(model.stream(photos, "cat"))
    assert all(isinstance(result, Segmentation) for result in results)
    return cast(list[Segmentation], results)


class TestFrames:
    def test_they_are_segmented_one_after_the_other(self, tiny: FreeSeg, tmp_path: Path) -> None:
        path = clip(tmp_path / "a.gif")
        results = segmented(tiny, freeseg.frames(str(path), every=2))
        assert [result.reference for result in results] == [f"{path}#1", f"{path}#3"]
        assert [result.photo.getpixel((0, 0)) for result in results] == RGB[::2]

    def test_those_of_a_video(self, tmp_path: Path) -> None:
        films = pytest.importorskip("films")
        found = freeseg.frames(films.film(tmp_path / "a.mp4"), every=2)
        assert [frame.number for frame in found] == [1, 3, 5]
        centre = [np.asarray(read_photo(frame))[40, 50, 0] for frame in found]
        assert np.abs(np.subtract(centre, films.GREYS[::2])).max() <= 8

    def test_a_file_of_one_picture(self, tiny: FreeSeg, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGB", (24, 16), "red").save(path)
        [result] = segmented(tiny, freeseg.frames(path))
        assert (result.reference, result.frame, result.name) == (str(path), 0, "a.png")

    def test_what_cannot_be_read_costs_no_others(self, tiny: FreeSeg, tmp_path: Path) -> None:
        path = clip(tmp_path / "a.gif", COLOURS[:2])
        first, *others = tiny.stream([*freeseg.frames(tmp_path / "no.gif"), *freeseg.frames(path)], "cat")
        assert isinstance(first, PhotoError)
        assert "no such file" in str(first)
        assert [other.frame for other in others if isinstance(other, Segmentation)] == [1, 2]
        with pytest.raises(FreeSegError, match="every is 0; it must be at least 1"):
            freeseg.frames(path, every=0)
