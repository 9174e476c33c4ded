"""HEIC: read where pillow-heif is installed, and refused with the way to install it where it is not."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from freeseg.photos import Skipped, find_photos, read_photo, to_array
from freeseg.photos.heic import is_heic
from freeseg.photos.reading import size_of
from pictures import STORED, refusal

# A quarter of each colour, which a lossy format keeps nearly; upright, it is wider than high.
QUARTERS = np.array([[[250, 10, 10], [10, 250, 10]], [[10, 10, 250], [240, 240, 240]]], np.uint8)
UPRIGHT = QUARTERS.repeat(32, axis=0).repeat(48, axis=1)
HEADS = [
    b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(200),
    b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(200),
    b"\0\0\0\x18ftypheix\0\0\0\0mif1heix" + bytes(200),
]


def heic(pixels: np.ndarray, **options: object) -> bytes:
    content = io.BytesIO()
    picture = pillow_heif.from_pillow(Image.fromarray(np.ascontiguousarray(pixels)))
    picture.save(content, quality=95, **options)
    return content.getvalue()


def assert_upright(picture: Image.Image) -> None:
    assert (picture.mode, picture.size) == ("RGB", (96, 64))
    inner = to_array(picture)[8::16, 8::16].astype(int)  # away from the edges between colours
    assert np.abs(inner - UPRIGHT[8::16, 8::16]).max() <= 12


@pytest.fixture
def without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_it_is_read_upright_once(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = heic(STORED[orientation](UPRIGHT), exif=exif.tobytes())
    (tmp_path / "a.heic").write_bytes(content)
    for given in (content, io.BytesIO(content), tmp_path / "a.heic"):
        assert_upright(read_photo(given))
    assert size_of(tmp_path / "a.heic") == (96, 64)


def test_transparent_pixels_are_white() -> None:
    transparent = np.zeros((64, 64, 4), np.uint8)
    transparent[:32] = (10, 250, 10, 255)
    picture = read_photo(heic(transparent))
    assert picture.getpixel((32, 60)) == (255, 255, 255)
    assert np.abs(np.array(picture.getpixel((32, 4))) - (10, 250, 10)).max() <= 12


def test_pillow_itself_learns_nothing_of_it() -> None:
    Image.init()
    before = dict(Image.OPEN)  # another package may have told it
    read_photo(heic(UPRIGHT))
    assert before == Image.OPEN


def test_it_is_found_in_folders(tmp_path: Path) -> None:
    for name in ("IMG_1.HEIC", "IMG_2.heif", "IMG_3.hif", "burst.heics"):
        (tmp_path / name).write_bytes(heic(UPRIGHT))
    skipped = Skipped()
    found = find_photos([tmp_path], skipped=skipped)
    assert [str(photo.name) for photo in found] == ["IMG_1.HEIC", "IMG_2.heif", "IMG_3.hif"]
    assert skipped.unsupported == {".heics": 1}


def test_a_large_one_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    content = heic(UPRIGHT)

    def never(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.006")
    monkeypatch.setattr(pillow_heif.HeifImageFile, "load", never)
    assert "96x64 pixels are 0.006144 megapixels, of which at most 0.006 are read" in refusal(content)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9])
def test_a_damaged_one_is_refused(share: float) -> None:
    content = heic(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert refusal(content[: int(share * len(content))]).startswith("cannot read the bytes: ")


@pytest.mark.parametrize("head", HEADS)
def test_without_pillow_heif_it_is_refused(head: bytes, tmp_path: Path, without_pillow_heif: None) -> None:
    (tmp_path / "a.jpg").write_bytes(head)
    assert is_heic(head)
    assert refusal(tmp_path / "a.jpg") == (
        f"cannot read {tmp_path / 'a.jpg'}: it is HEIC, which needs pillow-heif; run: "
        'pip install "freeseg[heif]"; or save it as PNG or JPEG'
    )


def test_without_pillow_heif_it_is_skipped_in_folders(tmp_path: Path, without_pillow_heif: None) -> None:
    for name in ("a.jpg", "IMG_1.HEIC", "IMG_2.heic"):
        (tmp_path / name).touch()
    skipped = Skipped()
    assert [str(photo.name) for photo in find_photos([tmp_path], skipped=skipped)] == ["a.jpg"]
    assert skipped.lines() == [
        '2 .heic files were skipped: this kind needs pillow-heif; run: pip install "freeseg[heif]"; or save them as '
        "JPEG or PNG"
    ]


@pytest.mark.parametrize("head", HEADS)
def test_what_is_damaged_is_called_heic_whatever_its_name_says(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(head)
    assert f"cannot read {path}: it is HEIC, damaged or not supported (" in refusal(path)
