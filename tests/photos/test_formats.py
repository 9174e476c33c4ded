"""Photos of every kind that users have: what they look like once read."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from freeseg import photos
from freeseg.photos import read_photo, to_array
from pictures import COLOURS, GREYS, NARROW, STORED, WIDE, needs_avif, pixels, png, save


def over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha.astype(float)[..., None] / 255
    return colour * share + 255 * (1 - share)


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


def test_it_needs_pillow_and_numpy_only() -> None:
    source = "".join(file.read_text("utf-8") for file in Path(photos.__file__).parent.glob("*.py"))
    imports = re.findall(r"^( *)(?:from|import) (\w+(?:\.\w+)?)", source, re.MULTILINE)
    others = {(name, bool(late)) for late, name in imports if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name, late in others if late} == {
        "freeseg.photos",
        "pillow_heif",
        "av",
        "av.error",
        "av.container",
        "av.video",
        "tifffile",
        "pyarrow",
    }  # extras, and what asks the web
    assert {name for name, late in others if not late} == {
        "PIL",
        "numpy",
        "numpy.typing",
        *(
            f"freeseg.{room}"
            for room in ("errors", "extras", "files", "photos", "places", "prefetch", "system", "urls")
        ),
    }


# --- bytes, open files and tensors ---------------------------------------------------------------------------------


def test_bytes_and_open_files(tmp_path: Path) -> None:
    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    content = path.read_bytes()
    written = io.BytesIO()
    Image.fromarray(COLOURS).save(written, "PNG")  # and not rewound
    with tempfile.SpooledTemporaryFile() as spooled, path.open("rb") as file:
        spooled.write(content)
        for photo in (content, bytearray(content), memoryview(content), io.BytesIO(content), written, spooled, file):
            assert np.array_equal(pixels(photo), COLOURS)
            assert np.array_equal(pixels(photo), COLOURS)  # a second time as well
    assert np.array_equal(pixels(os.fdopen(_pipe_with(content), "rb")), COLOURS)


def _pipe_with(content: bytes) -> int:
    """A pipe that gives some bytes: it has no start to go back to."""
    end, start = os.pipe()
    os.write(start, content)
    os.close(start)
    return end


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_floats(dtype: torch.dtype) -> None:
    grey = torch.tensor([[0.0, 0.25, 1.0]], dtype=dtype, requires_grad=True)
    assert pixels(grey)[0, :, 0].tolist() == [0, 64, 255]


def test_tensors_of_bytes_in_either_order_of_channels() -> None:
    tensor = torch.from_numpy(COLOURS)
    assert np.array_equal(pixels(tensor), COLOURS)
    assert np.array_equal(pixels(tensor.permute(2, 0, 1)), COLOURS)
    assert np.array_equal(pixels(tensor.permute(2, 0, 1).float() / 255), COLOURS)
    assert np.array_equal(pixels(tensor[None, :, :, 0]), np.dstack([GREYS] * 3))
    assert np.array_equal(pixels(COLOURS.transpose(2, 0, 1)), COLOURS)
    assert pixels(np.zeros((3, 5, 4), np.uint8)).shape == (3, 5, 3)  # three rows with alpha, as it is written


def test_other_libraries_arrays() -> None:
    class Tensor:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return COLOURS

    assert np.array_equal(pixels(Tensor()), COLOURS)


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
