"""Large pictures: read up to a limit of our own, refused above it."""

from __future__ import annotations

import inspect
import io
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from freeseg.errors import PhotoError
from freeseg.photos import decoding, read_photo, read_resized, values
from pictures import COLOURS, STORED, needs_avif, pixels, png, refusal, save


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_108_megapixels_without_a_warning(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("1", (12_000, 9_000))
    picture.putpixel((11_999, 8_998), 1)
    path = save(picture, tmp_path / f"a.{suffix}")
    del picture
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_photo(path)
    assert read.size == (12_000, 9_000)
    assert read.getpixel((11_999, 8_998)) == (255, 255, 255)
    assert read.getpixel((11_998, 8_999)) == (0, 0, 0)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "tif", "ppm", pytest.param("avif", marks=needs_avif)])
@pytest.mark.filterwarnings("error")
def test_pillows_own_limit_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path = save(Image.new("RGB", (60, 40)), tmp_path / f"a.{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(Image.DecompressionBombError), Image.open(path):
        pass
    assert read_photo(path).size == (60, 40)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_webp_beyond_pillows_limit_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(Image.new("RGB", (60, 40)), tmp_path / "a.webp")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    if (
        "error_only" in inspect.signature(Image._decompression_bomb_check).parameters
    ):  # pillow 13: checked by the reader
        assert refusal(path).startswith(f"cannot read {path}: too large (")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 40 // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(path).size == (60, 40)


def test_a_turned_tiff_beyond_pillows_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for compression in ("raw", "tiff_lzw"):
        stored = Image.fromarray(np.ascontiguousarray(STORED[6](COLOURS))).quantize(64)
        path = save(stored, tmp_path / f"{compression}.tif", exif=exif, compression=compression)
        expected = pixels(path)
        assert np.array_equal(expected, STORED[8](np.asarray(stored.convert("RGB"))))
        with monkeypatch.context() as patch:
            patch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
            assert np.array_equal(pixels(path), expected)


def test_above_the_limit_is_refused_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(12_001, 10_000, 8, 2, b"no rows at all"))  # decoding would say that it is damaged
    message = refusal(path)
    assert message.startswith(
        f"cannot read {path}: 12001x10000 pixels are 120 megapixels, of which at most 120 are read"
    )
    assert "FREESEG_MAX_MEGAPIXELS=121" in message
    path.write_bytes(png(12_000, 10_000, 8, 2, b"no rows at all"))
    assert decoding.open_header(io.BytesIO(path.read_bytes()), "x").size == (12_000, 10_000)


def declared(suffix: str, side: int) -> bytes:
    """A small file that says that it is much larger than what it holds."""
    content = io.BytesIO()
    Image.new("L", (16, 16)).save(content, {"jpg": "JPEG", "gif": "GIF"}[suffix])
    changed = bytearray(content.getvalue())
    if suffix == "jpg":
        start = changed.index(b"\xff\xc0") + 5
        changed[start : start + 4] = side.to_bytes(2, "big") * 2
    else:
        start = changed.index(b"\x2c") + 5  # the image descriptor, and the screen before it
        for place in (6, start):
            changed[place : place + 4] = side.to_bytes(2, "little") * 2
    return bytes(changed)


@pytest.mark.parametrize("suffix", ["jpg", "gif"])
def test_a_small_file_that_declares_361_megapixels_is_never_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    content = declared(suffix, 19_000)
    assert len(content) < 3_000
    assert decoding.open_header(io.BytesIO(content), "x").size == (19_000, 19_000)
    (path := tmp_path / f"a.{suffix}").write_bytes(content)

    def fail(*_: object) -> None:
        raise AssertionError("memory was taken for the pixels")

    for name in ("load", "load_prepare", "draft"):
        monkeypatch.setattr(ImageFile.ImageFile, name, fail)
    for read in (read_photo, lambda photo: read_resized(photo, lambda size: (16, 16))):
        for photo in (path, content, io.BytesIO(content)):
            with pytest.raises(
                PhotoError, match=r"19000x19000 pixels are 361 megapixels, of which at most 120 are read"
            ):
                read(photo)


def test_the_limit_can_be_raised_and_lowered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(declared("gif", 300))
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.08")
    assert "300x300 pixels are 0.09 megapixels, of which at most 0.08 are read" in refusal(path)
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.09")
    read_photo(save(Image.new("RGB", (300, 300)), tmp_path / "b.png"))
    for wrong in ("many", "0", "-1", "nan", "inf"):
        monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", wrong)
        assert refusal(path) == (
            f"the variable FREESEG_MAX_MEGAPIXELS is {wrong!r}; give a number above 0, such as 200"
        )


def test_arrays_and_pictures_above_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = np.broadcast_to(np.uint8(0), (20_000, 20_001))  # takes no memory
    assert "the array: 20001x20000 pixels" in refusal(huge)
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.000034")
    assert "the picture: 7x5 pixels" in refusal(Image.fromarray(COLOURS))
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.000035")
    assert np.array_equal(pixels(COLOURS), COLOURS)


def test_rows_are_read_alike_at_once_and_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (31, 17, 4), dtype=np.uint8)
    sixteen = np.random.default_rng(1).integers(0, 65_536, (31, 17), dtype=np.uint16)
    palette = save(Image.fromarray(rgba[:, :, :3]).quantize(8), tmp_path / "a.png", transparency=3)
    photos = (rgba, sixteen, (sixteen / 65_535).astype(np.float32), palette)
    before = [pixels(photo) for photo in photos]
    monkeypatch.setattr(decoding, "_PIXELS_AT_ONCE", 40)
    monkeypatch.setattr(values, "_VALUES_AT_ONCE", 40)
    for photo, expected in zip(photos, before, strict=True):
        assert np.array_equal(pixels(photo), expected)


def test_out_of_memory_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    monkeypatch.setattr(decoding, "turn_upright", fail)
    assert refusal(path) == f"cannot read {path}: too large (MemoryError); shrink or tile it"


def test_formats_whose_decoders_need_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "0.0048")  # 80 x 60
    for format, size in (("PNG", (80, 60)), ("TIFF", (72, 60)), ("WEBP", (60, 40)), ("JPEG2000", (48, 40))):
        for side in (0, 1):
            file = BytesIO()
            Image.new("RGB", (size[0] + side, size[1])).save(file, format)
            if side:
                of = "" if format == "PNG" else f" of {format}"
                with pytest.raises(PhotoError, match=f"are read{of}; shrink or tile it"):
                    read_photo(file)
            else:
                assert read_photo(file).size == size


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_picture_is_reduced_some_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, factor: int
) -> None:
    monkeypatch.setattr(decoding, "_PIXELS_AT_ONCE", 40)
    path, numbers = tmp_path / "photo.png", np.random.default_rng(0)
    if mode == "I;16":
        Image.fromarray(numbers.integers(0, 65_536, (23, 17), np.uint16)).save(path)
    else:
        Image.fromarray(numbers.integers(0, 256, (23, 17, 4), np.uint8), "RGBA").convert(mode).save(path)
    with Image.open(path) as whole, Image.open(path) as again:
        expected = decoding.upright_rgb(whole, "photo.png", is_own=True).reduce(factor)
        found = decoding.upright_rgb(again, "photo.png", is_own=True, factor=factor)
    assert found.size == (-(-17 // factor), -(-23 // factor))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
