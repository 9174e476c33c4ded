"""Photos of every kind that users have: what they look like once read, and what the error says when they cannot be."""

from __future__ import annotations

import inspect
import io
import os
import re
import struct
import sys
import warnings
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence, features

from freeseg import images
from freeseg.errors import PhotoError
from freeseg.images import MAX_PIXELS, find_photos, fit_short_side, read_photo, resize, to_array

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)  # not square, no symmetry
GREYS = np.ascontiguousarray(COLOURS[:, :, 0])
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this pillow was built without AVIF")


def pixels(photo: images.Photo) -> np.ndarray:
    picture = read_photo(photo)
    assert picture.mode == "RGB"
    return to_array(picture)


def refusal(photo: object) -> str:
    """The message of the PhotoError that reading must raise: one line."""
    with pytest.raises(PhotoError) as caught:
        read_photo(photo)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def png(width: int, height: int, bits: int, colour: int, rows: bytes, transparent: bytes = b"") -> bytes:
    """A PNG made by hand, for what pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = (chunk(b"tRNS", transparent) if transparent else b"") + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha.astype(float)[..., None] / 255
    return colour * share + 255 * (1 - share)


# --- pictures that must be read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "ppm", "webp"])
def test_lossless_formats_come_back_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(Image.fromarray(COLOURS), tmp_path / f"a.{suffix}", **options)
    assert np.array_equal(pixels(path), COLOURS)
    assert np.array_equal(pixels(str(path)), COLOURS)


@pytest.mark.parametrize("suffix", ["jpg", "jfif", "jp2", pytest.param("avif", marks=needs_avif)])
def test_lossy_formats_come_back_nearly(tmp_path: Path, suffix: str) -> None:
    flat = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    path = save(Image.fromarray(flat), tmp_path / f"a.{suffix}")
    assert pixels(path).shape == flat.shape
    assert np.abs(pixels(path).astype(int) - flat).max() <= 6


def test_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "really_a_png.jpg", format="PNG")
    assert np.array_equal(pixels(tmp_path / "really_a_png.jpg"), COLOURS)


# Independent of pillow: the stored array that, seen with this orientation, shows the upright one.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),  # a viewer turns it clockwise, so it is stored turned anticlockwise
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](COLOURS)))
    path = save(stored, tmp_path / f"a.{suffix}", exif=exif, **options)
    upright = read_photo(path)
    assert np.array_equal(to_array(upright), COLOURS)
    assert np.array_equal(pixels(upright), COLOURS)
    with Image.open(path) as opened_by_the_caller:
        assert np.array_equal(pixels(opened_by_the_caller), COLOURS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", pytest.param("avif", marks=needs_avif)])
def test_exif_orientation_in_lossy_formats(tmp_path: Path, orientation: int, suffix: str) -> None:
    quarters = np.kron([[[0, 0, 0], [255, 255, 255]], [[90, 90, 90], [180, 180, 180]]], np.ones((16, 32, 1)))
    quarters = quarters.astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](quarters)))
    got = pixels(save(stored, tmp_path / f"a.{suffix}", exif=exif, quality=95))
    assert got.shape == quarters.shape
    assert np.abs(got.astype(int) - quarters).mean() < 6


@pytest.mark.parametrize("exif", [b"garbage", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_the_photo(tmp_path: Path, exif: bytes, suffix: str) -> None:
    path = save(Image.new("RGB", (9, 4), "red"), tmp_path / f"a.{suffix}", exif=b"Exif\0\0" + exif)
    assert read_photo(path).size == (9, 4)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_alpha_is_laid_over_white(tmp_path: Path, suffix: str) -> None:
    alpha = np.linspace(0, 255, 35).astype(np.uint8).reshape(5, 7)
    rgba = np.dstack([COLOURS, alpha])
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    path = save(Image.fromarray(rgba), tmp_path / f"a.{suffix}", **options)
    for source in (path, rgba, Image.fromarray(rgba)):
        assert np.abs(pixels(source) - over_white(COLOURS, alpha)).max() <= 1


def test_grey_with_alpha_is_laid_over_white(tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 35).astype(np.uint8).reshape(5, 7)
    picture = Image.merge("LA", [Image.fromarray(GREYS), Image.fromarray(alpha)])
    got = pixels(save(picture, tmp_path / "a.png"))
    assert np.abs(got - over_white(np.dstack([GREYS] * 3), alpha)).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_transparent_palette_colour_becomes_white(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 0, 0])
    picture.putpixel((1, 0), 1)
    assert pixels(save(picture, tmp_path / f"plain.{suffix}")).tolist() == [[[10, 20, 30], [200, 0, 0]]]
    path = save(picture, tmp_path / f"a.{suffix}", transparency=1)
    assert pixels(path).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_a_palette_with_partial_alpha(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 0, 0])
    picture.putpixel((1, 0), 1)
    got = pixels(save(picture, tmp_path / "a.png", transparency=bytes([255, 51])))
    assert got[0, 0].tolist() == [10, 20, 30]
    assert np.abs(got[0, 1] - (np.array([200, 0, 0]) * 0.2 + 255 * 0.8)).max() <= 1


@pytest.mark.parametrize(
    ("bits", "colour", "row", "transparent", "expected"),
    [
        (1, 0, b"\x40", struct.pack(">H", 1), [[0] * 3, [255] * 3]),  # white made transparent stays white
        (1, 0, b"\x40", struct.pack(">H", 0), [[255] * 3, [255] * 3]),
        (8, 0, b"\x05\x80", struct.pack(">H", 0x80), [[5] * 3, [255] * 3]),
        (16, 0, struct.pack(">2H", 1285, 40000), struct.pack(">H", 40000), [[5] * 3, [255] * 3]),
        (8, 2, bytes([5, 6, 7, 9, 9, 9]), struct.pack(">3H", 9, 9, 9), [[5, 6, 7], [255] * 3]),
    ],
)
def test_png_with_one_transparent_colour(
    tmp_path: Path, bits: int, colour: int, row: bytes, transparent: bytes, expected: list[list[int]]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(2, 1, bits, colour, b"\0" + row, transparent))
    assert pixels(path).tolist() == [expected]


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(tmp_path: Path, suffix: str) -> None:
    path = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / f"a.{suffix}")
    assert np.abs(pixels(path).astype(int) - (255, 0, 0)).max() <= 6


WIDE = np.array([[0, 256, 257, 32896, 65407, 65535]], np.uint16)
NARROW = np.round(WIDE / 257).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey(tmp_path: Path, suffix: str) -> None:
    path = save(Image.fromarray(WIDE), tmp_path / f"a.{suffix}")
    assert np.array_equal(pixels(path), np.dstack([NARROW] * 3))


def test_16_bit_grey_in_other_containers(tmp_path: Path) -> None:
    expected = np.dstack([NARROW] * 3)
    assert np.array_equal(pixels(Image.fromarray(WIDE.astype(np.int32))), expected)  # mode I
    big_endian = Image.frombytes("I;16B", (6, 1), WIDE.astype(">u2").tobytes())
    assert np.array_equal(pixels(big_endian), expected)
    (tmp_path / "a.pgm").write_bytes(b"P5\n6 1\n65535\n" + WIDE.astype(">u2").tobytes())
    assert np.array_equal(pixels(tmp_path / "a.pgm"), expected)


def test_16_bit_rgb_png(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1, 1, 16, 2, b"\0" + struct.pack(">3H", 65535, 32896, 514)))
    assert np.abs(pixels(tmp_path / "a.png").astype(int) - (255, 128, 2)).max() <= 1


def test_float_pictures(tmp_path: Path) -> None:
    floats = np.array([[0, 0.25, 0.5, 1]], np.float32)
    path = save(Image.fromarray(floats), tmp_path / "a.tif")
    assert pixels(path)[0, :, 0].tolist() == [0, 64, 128, 255]


@pytest.mark.parametrize("bad", [np.array([[-1, 5]], np.int32), np.array([[0, 65536]], np.int32)])
def test_32_bit_integers_beyond_16_bits_are_refused(tmp_path: Path, bad: np.ndarray) -> None:
    path = save(Image.fromarray(bad), tmp_path / "a.tif")
    assert refusal(path).startswith(f"cannot read {path}: int32 values from {bad.min()} to {bad.max()}; give ")


def test_float_pictures_beyond_one_are_refused() -> None:
    assert "float32 values from 0.0 to 255.0" in refusal(Image.fromarray(np.array([[0, 255]], np.float32)))


def test_1_bit(tmp_path: Path) -> None:
    bits = GREYS > 127
    assert np.array_equal(pixels(save(Image.fromarray(bits), tmp_path / "a.png")), np.dstack([bits * 255] * 3))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_the_first_frame_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(frames[0], tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as opened:
        assert len(list(ImageSequence.Iterator(opened))) == 3
    assert pixels(path).tolist() == [[[255, 0, 0]] * 4] * 3


def test_the_current_frame_of_a_pil_picture(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime")]
    path = save(frames[0], tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with Image.open(path) as opened:
        opened.seek(1)
        assert pixels(opened)[0, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"])
def test_one_pixel_of_every_mode(mode: str) -> None:
    assert pixels(Image.new(mode, (1, 1))).shape == (1, 1, 3)


def test_the_result_is_loaded_and_plain_and_the_file_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened, plain_open = save(Image.fromarray(COLOURS), tmp_path / "a.png"), [], Path.open
    monkeypatch.setattr(Path, "open", lambda *args: opened.append(plain_open(*args)) or opened[-1])
    picture = read_photo(path)
    assert [file.closed for file in opened] == [True]
    path.unlink()
    assert type(picture) is Image.Image
    assert picture.info == {}
    assert np.array_equal(to_array(picture), COLOURS)


def test_the_result_shares_nothing_with_its_source() -> None:
    array, picture = COLOURS.copy(), Image.fromarray(COLOURS)
    from_array, from_picture = read_photo(array), read_photo(picture)
    array[:] = 0
    from_picture.putpixel((0, 0), (1, 2, 3))
    assert np.array_equal(to_array(from_array), COLOURS)
    assert np.array_equal(to_array(picture), COLOURS)


# --- large pictures -------------------------------------------------------------------------------------------------


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
    assert images._open_header(io.BytesIO(path.read_bytes()), "x").size == (20_000, 20_000)


def test_arrays_and_pictures_above_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = np.broadcast_to(np.uint8(0), (20_000, 20_001))  # takes no memory
    assert "the array: 20001x20000 pixels" in refusal(huge)
    monkeypatch.setattr(images, "MAX_PIXELS", 34)
    assert "the picture: 7x5 pixels" in refusal(Image.fromarray(COLOURS))
    monkeypatch.setattr(images, "MAX_PIXELS", 35)
    assert np.array_equal(pixels(COLOURS), COLOURS)


def test_out_of_memory_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    monkeypatch.setattr(images, "_to_rgb", fail)
    assert refusal(path) == f"cannot read {path}: too large (MemoryError); shrink or tile it"


# --- arrays ---------------------------------------------------------------------------------------------------------


def test_arrays_of_every_shape() -> None:
    grey = np.dstack([GREYS] * 3)
    assert np.array_equal(pixels(GREYS), grey)
    assert np.array_equal(pixels(GREYS[:, :, None]), grey)
    assert np.array_equal(pixels(COLOURS), COLOURS)
    assert np.array_equal(pixels(np.dstack([COLOURS, np.full((5, 7), 255, np.uint8)])), COLOURS)
    assert np.array_equal(pixels(np.zeros((1, 1, 3), np.uint8)), np.zeros((1, 1, 3)))


def test_arrays_that_are_views() -> None:
    assert np.array_equal(pixels(COLOURS[::-1, ::2]), COLOURS[::-1, ::2])
    assert np.array_equal(pixels(COLOURS.swapaxes(0, 1)), COLOURS.swapaxes(0, 1))


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_uint16_arrays(dtype: str) -> None:
    assert np.array_equal(pixels(WIDE.astype(dtype)), np.dstack([NARROW] * 3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays(dtype: type) -> None:
    assert np.array_equal(pixels((COLOURS / 255).astype(dtype)), COLOURS)


def test_float_rounding_beyond_the_range_is_forgiven() -> None:
    assert pixels(np.array([[-1e-6, 1 + 1e-6]]))[0, :, 0].tolist() == [0, 255]


def test_bool_arrays() -> None:
    assert np.array_equal(pixels(COLOURS > 100), (COLOURS > 100) * 255)


@pytest.mark.parametrize("shape", [(), (5,), (3, 5, 7), (5, 7, 2), (5, 7, 5), (1, 5, 7, 3)])
def test_arrays_of_a_wrong_shape(shape: tuple[int, ...]) -> None:
    message = refusal(np.zeros(shape, np.uint8))
    assert message == f"cannot read the array: shape {shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3), (0, 0, 4)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    assert f"cannot read the array: {shape[1]}x{shape[0]} pixels; use one of 1 to" in refusal(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.01, -0.01, 255.0])
def test_floats_out_of_range(value: float) -> None:
    array = np.zeros((5, 7, 3))
    array[2, 3, 1] = value
    message = refusal(array)
    assert f"{value}" in message
    assert message.endswith("give uint8, uint16, bool, or floats in [0, 1] without NaN")


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint32, np.complex64, object, "U3", "datetime64[s]"])
def test_arrays_of_a_wrong_dtype(dtype: object) -> None:
    message = refusal(np.zeros((5, 7), dtype))  # type: ignore[call-overload]
    assert message.startswith(f"cannot read the array: {np.dtype(dtype)} values")  # type: ignore[call-overload]


# --- files that cannot be read --------------------------------------------------------------------------------------


def test_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "missing.jpg"
    assert refusal(path).startswith(f"cannot read {path}: no such file")
    assert refusal(str(path)).startswith(f"cannot read {path}: no such file")


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"cannot read {tmp_path}: it is a folder; name a photo inside it"


def test_a_path_through_a_file(tmp_path: Path) -> None:
    path = save(Image.fromarray(COLOURS), tmp_path / "a.png") / "b.png"
    assert refusal(path).startswith(f"cannot read {path}: not a directory; check the path")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    if os.geteuid() == 0:  # root may read anything, so the refusal is simulated

        def deny(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", deny)
    else:
        path.chmod(0)
    assert refusal(path) == f"cannot read {path}: permission denied; check the path and your right to read it"


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.touch()
    assert f"cannot read {path}: the file is empty (0 bytes)" in refusal(path)


@pytest.mark.parametrize("content", [b"P", b"x", b"hello, I am no photo\n", bytes(4096), b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_not_a_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert refusal(path).startswith(f"cannot read {path}: not a picture in a known format; save it as")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert "not a regular file" in refusal(tmp_path / "a.jpg")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize(
    "suffix", ["jpg", "png", "gif", "bmp", "tif", "webp", "ppm", pytest.param("avif", marks=needs_avif)]
)
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(Image.fromarray(noise), tmp_path / f"a.{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    message = refusal(path)
    assert message.startswith(f"cannot read {path}: damaged or not supported (")
    assert message.endswith("; save or download it again")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"]), st.integers(0, 5000), st.binary(max_size=12))
@pytest.mark.filterwarnings("ignore")
def test_damage_anywhere_gives_a_picture_or_a_photo_error(
    tmp_path_factory: pytest.TempPathFactory, kind: str, start: int, junk: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    Image.fromarray(COLOURS).save(path, kind)
    content = path.read_bytes()
    start %= len(content)
    path.write_bytes(content[:start] + junk + content[start + len(junk) :])
    mode, message = "RGB", f"cannot read {path}: "
    try:
        mode = read_photo(path).mode
    except PhotoError as error:
        message = str(error)
    assert mode == "RGB"
    assert message.startswith(f"cannot read {path}: ")


def test_a_file_name_with_a_line_break_stays_on_one_line(tmp_path: Path) -> None:
    assert "two\\nlines.jpg" in refusal(tmp_path / "two\nlines.jpg")


def test_a_file_name_in_any_script_is_shown_as_it_is(tmp_path: Path) -> None:
    assert str(tmp_path / "фото 写真.jpg") in refusal(tmp_path / "фото 写真.jpg")


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    refusal(os.fsdecode(bytes(tmp_path) + b"/\xff.jpg")).encode()  # can be printed
    assert "null" in refusal("a\0b.jpg")


@pytest.mark.parametrize("wrong", [None, 5, b"bytes", [1, 2], io.BytesIO(b"x")])
def test_a_wrong_type(wrong: object) -> None:
    message = refusal(wrong)
    assert message.startswith(f"cannot read a photo from {type(wrong).__name__}; give ")


def test_pil_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    assert "the picture: 0x5 pixels; use one of 1 to" in refusal(Image.new("RGB", (0, 5)))
    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    with Image.open(path) as closed_before_loading:
        pass
    assert refusal(closed_before_loading).startswith(f"cannot read {path}: ")


def test_it_needs_pillow_and_numpy_only() -> None:
    imports = re.findall(
        r"^ *(?:from|import) (\w+(?:\.errors)?)", Path(images.__file__).read_text("utf-8"), re.MULTILINE
    )
    assert set(imports) - set(sys.stdlib_module_names) == {"PIL", "numpy", "freeseg.errors"}


# --- find_photos ----------------------------------------------------------------------------------------------------


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found_names(*paths: Path) -> list[str]:
    return [str(found.name) for found in find_photos(paths)]


def complaint(*paths: Path | str) -> str:
    with pytest.raises(PhotoError) as caught:
        find_photos(paths)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_folders_are_walked_in_order_without_what_is_hidden_or_no_photo(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg", "a.PNG", "sub/deep/c.Tiff", "sub/a.webp", "notes.txt", "jpg", "mask.npy", "album.jpg/x.gif")
    make(tmp_path, ".hidden.jpg", ".cache/d.jpg", "sub/.git/e.jpg", "._b.jpg")
    expected = ["a.PNG", "album.jpg/x.gif", "b.jpg", "sub/a.webp", "sub/deep/c.Tiff"]
    found = find_photos([tmp_path])
    assert [str(one.name) for one in found] == expected
    assert [one.path for one in found] == [tmp_path / name for name in expected]
    assert all(type(one.name) is PurePosixPath for one in found)


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    kinds = ["jpg", "jpeg", "jfif", "png", "webp", "avif", "bmp", "gif", "tif", "tiff"]
    make(tmp_path, *(f"{kind}.{kind}" for kind in kinds), *(f"{kind}.{kind.upper()}" for kind in kinds))
    assert len(find_photos([tmp_path])) == 20


def test_files_named_directly_are_taken_whatever_their_suffix(tmp_path: Path) -> None:
    make(tmp_path, "sub/scan.dat", "sub/.hidden", "z.jpg")
    assert found_names(tmp_path / "z.jpg", tmp_path / "sub/scan.dat", tmp_path / "sub/.hidden") == [
        "z.jpg",
        "scan.dat",
        ".hidden",
    ]


def test_a_hidden_folder_named_directly_is_walked(tmp_path: Path) -> None:
    make(tmp_path, ".photos/a.jpg")
    assert found_names(tmp_path / ".photos") == ["a.jpg"]


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "sub/a.jpg", "b.jpg")
    monkeypatch.chdir(tmp_path)
    assert found_names(Path()) == ["b.jpg", "sub/a.jpg"]
    assert found_names(Path("b.jpg")) == ["b.jpg"]
    assert found_names(Path("sub/..")) == ["b.jpg", "sub/a.jpg"]


def test_one_path_alone_is_taken_as_a_list_of_one(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    assert find_photos(str(tmp_path)) == find_photos([tmp_path])


def test_nothing_named_is_nothing_found() -> None:
    assert find_photos([]) == []


def test_duplicates_are_taken_once_and_the_first_name_stays(tmp_path: Path) -> None:
    make(tmp_path, "sub/a.jpg", "b.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.jpg")
    assert found_names(tmp_path / "sub" / "a.jpg", tmp_path, tmp_path / "sub") == ["a.jpg", "b.jpg"]
    assert found_names(tmp_path / "sub", tmp_path / "sub" / ".." / "sub") == ["a.jpg"]


def test_links_to_folders_are_followed_and_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "album/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "album" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "album" / "self").symlink_to(tmp_path / "album")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "album")
    (tmp_path / "album" / "dead.jpg").symlink_to(tmp_path / "album" / "dead.jpg")  # a link to itself
    assert found_names(tmp_path / "album") == ["a.jpg", "dead.jpg", "other/b.jpg"]
    refusal(tmp_path / "album" / "dead.jpg")


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    assert complaint(tmp_path, tmp_path / "none").startswith(f"cannot read {tmp_path / 'none'}: no such file")
    assert "null" in complaint("a\0b")


def test_a_folder_without_photos_says_what_was_looked_for(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", ".hidden.jpg")
    message = complaint(tmp_path)
    assert message.startswith(f"no photos in {tmp_path};")
    assert all(suffix in message for suffix in images.SUFFIXES)


@pytest.mark.parametrize("locked", ["", "sub/locked"])
def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str) -> None:
    make(tmp_path, "a.jpg", "sub/locked/b.jpg")
    folder = tmp_path / locked
    if os.geteuid() == 0:  # root may list anything, so the refusal is simulated
        listdir = os.listdir

        def deny(path: str | Path = ".") -> list[str]:
            if Path(path) == folder:
                raise PermissionError(13, "Permission denied", str(path))
            return listdir(path)

        monkeypatch.setattr(os, "listdir", deny)
        monkeypatch.setattr(Path, "iterdir", lambda self: iter([self / name for name in deny(self)]))
    else:
        folder.chmod(0)
    try:
        assert complaint(tmp_path).startswith(f"cannot read {folder}: permission denied;")
    finally:
        folder.chmod(0o755)


# --- sizes ----------------------------------------------------------------------------------------------------------

sides = st.integers(1, 100_000)


@given(sides, sides, st.integers(1, 2000), st.floats(1, 50))
@example(4000, 3000, 480, 4.0)
@example(100_000, 1, 1, 1.0)
@example(1, 1, 1, 1.0)
@example(3, 1, 7, 3.0)
def test_fit_short_side(width: int, height: int, short: int, cap: float) -> None:
    got = fit_short_side((width, height), short, cap)
    low, high = sorted((width, height))
    new_low, new_high = sorted(got)
    assert new_low >= 1
    assert (got[0] >= got[1]) == (width >= height) or new_high - new_low <= 1
    if high <= cap * low * (1 - 1e-9):
        assert new_low == short
    elif high >= cap * low * (1 + 1e-9):
        assert abs(new_high - cap * short) <= 0.5 + 1e-6
    assert new_low <= short
    assert new_high <= cap * short + 0.5 + 1e-6
    scale = min(short / low, cap * short / high)
    assert abs(new_high - high * scale) <= 0.5 + 1e-6
    assert abs(new_low - low * scale) <= 0.5 + 1e-6 or (new_low == 1 and low * scale < 0.5)


def test_fit_short_side_by_hand() -> None:
    assert fit_short_side((3000, 4000), 480) == (480, 640)
    assert fit_short_side((10, 20), 480) == (480, 960)  # enlarges too
    assert fit_short_side((100_000, 1), 10) == (40, 1)
    assert fit_short_side((400, 100), 10) == (40, 10)
    assert fit_short_side((401, 100), 10) == (40, 10)
    assert fit_short_side((1, 80_931), 1, long_cap=1.5) == (1, 2)  # a half, rounded to even
    assert fit_short_side((9000, 100), 10, long_cap=float("inf")) == (900, 10)


@pytest.mark.parametrize(
    ("size", "short", "cap"),
    [((0, 5), 4, 4.0), ((5, -1), 4, 4.0), ((5, 5), 0, 4.0), ((5, 5), 4, 0.5), ((5, 5), 4, np.nan)],
)
def test_fit_short_side_refuses_nonsense(size: tuple[int, int], short: int, cap: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fit_short_side(size, short, cap)


def test_resize() -> None:
    flat = Image.new("RGB", (50, 40), (10, 200, 30))
    for size in [(5, 4), (50, 40), (111, 3), (1, 1)]:
        small = resize(flat, size)
        assert small.size == size
        assert np.array_equal(to_array(small), np.full((size[1], size[0], 3), (10, 200, 30)))
    assert resize(flat, (50, 40)) is not flat
    with pytest.raises(ValueError, match="both sides must be at least 1"):
        resize(flat, (0, 4))


@pytest.mark.parametrize("size", [(80, 60), (31, 23)])
def test_a_fast_resize_stays_close_to_plain_bicubic(size: tuple[int, int]) -> None:
    y, x = np.mgrid[0:480, 0:640]
    waves = np.dstack([127 + 90 * np.sin(x / 9 + y / 23), 127 + 90 * np.sin(x * y / 6000), 127 + 90 * np.cos(y / 3)])
    photo = Image.fromarray((waves + np.random.default_rng(2).normal(0, 12, waves.shape)).clip(0, 255).astype(np.uint8))
    plain = np.asarray(photo.resize(size, Image.Resampling.BICUBIC)).astype(int)
    difference = np.abs(to_array(resize(photo, size)) - plain)
    assert difference.max() <= 6
    assert difference.mean() <= 0.75


def test_to_array() -> None:
    picture = Image.fromarray(COLOURS)
    array = to_array(picture)
    assert array.dtype == np.uint8
    assert array.shape == (5, 7, 3)
    assert array.flags.writeable
    assert array.flags.c_contiguous
    array[:] = 0
    assert np.array_equal(to_array(picture), COLOURS)
    with pytest.raises(ValueError, match="got mode L"):
        to_array(Image.new("L", (2, 2)))
