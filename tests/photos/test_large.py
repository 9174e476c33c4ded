"""Large pictures: read up to a limit of our own, refused above it."""

from __future__ import annotations

import inspect
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.photos import MAX_PIXELS, decoding, read_photo
from pictures import COLOURS, STORED, needs_avif, pixels, png, refusal, save


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_12000_by_12000_without_a_warning(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("1", (12_000, 12_000))
    picture.putpixel((11_999, 11_998), 1)
    path = save(picture, tmp_path / f"a.{suffix}")
    del picture
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_photo(path)
    assert read.size == (12_000, 12_000)
    assert read.getpixel((11_999, 11_998)) == (255, 255, 255)
    assert read.getpixel((11_998, 11_999)) == (0, 0, 0)


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
    path.write_bytes(png(20_001, 20_000, 8, 2, b"no rows at all"))  # decoding would say that it is damaged
    message = refusal(path)
    assert message.startswith(f"cannot read {path}: 20001x20000 pixels; use")
    assert f"{MAX_PIXELS:,}" in message
    path.write_bytes(png(20_000, 20_000, 8, 2, b"no rows at all"))
    assert decoding.open_header(io.BytesIO(path.read_bytes()), "x").size == (20_000, 20_000)


def test_arrays_and_pictures_above_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = np.broadcast_to(np.uint8(0), (20_000, 20_001))  # takes no memory
    assert "the array: 20001x20000 pixels" in refusal(huge)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 34)
    assert "the picture: 7x5 pixels" in refusal(Image.fromarray(COLOURS))
    monkeypatch.setattr(decoding, "MAX_PIXELS", 35)
    assert np.array_equal(pixels(COLOURS), COLOURS)


def test_out_of_memory_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    monkeypatch.setattr(decoding, "turn_upright", fail)
    assert refusal(path) == f"cannot read {path}: too large (MemoryError); shrink or tile it"
