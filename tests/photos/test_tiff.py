"""TIFF files and deep greys: the picture that a user sees elsewhere, or one line that says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from freeseg.photos import scientific_tiff
from pictures import pixels, refusal

GREY = np.random.default_rng(3).integers(0, 256, (33, 47), dtype=np.uint8)
GREY[0, :2] = 0, 255
RGB = np.random.default_rng(4).integers(0, 256, (33, 47, 3), dtype=np.uint8)
PLANES = np.moveaxis(RGB, -1, 0).astype(np.uint16) * 257
SHORT, LONG = GREY.astype(np.uint16), GREY.astype(np.uint32)


def read(path: Path) -> np.ndarray:
    got = pixels(path)
    assert (got == got[:, :, :1]).all()
    return got[:, :, 0]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "values",
    [
        GREY,
        SHORT * 257,
        LONG.astype(np.int32),
        LONG.astype(np.int32) * 257,
        SHORT.astype(np.int16),
        np.rint(GREY / 255 * 32767).astype(np.int16),
        (GREY / 255).astype(np.float32),
    ],
    ids=["u8", "u16", "i32 of 8 bits", "i32 of 16 bits", "i16 of 8 bits", "i16", "f32"],
)
def test_black_is_zero(tmp_path: Path, values: np.ndarray, order: str, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values, byteorder=order, compression=compression, photometric="minisblack")
    assert np.array_equal(read(tmp_path / "a.tif"), GREY)


@pytest.mark.parametrize("values", [LONG, LONG * 257], ids=["8 bits", "16 bits"])
def test_unsigned_32_bits(tmp_path: Path, values: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values, byteorder="<")
    assert np.array_equal(read(tmp_path / "a.tif"), GREY)
    tifffile.imwrite(tmp_path / "a.tif", values + np.uint32(3_000_000_000), byteorder="<")
    assert "uint32 values from 3000000000 to 3000" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    "values", [255 - GREY, 65535 - SHORT * 257, (1 - GREY / 255).astype(np.float32)], ids=["u8", "u16", "f32"]
)
def test_white_is_zero(tmp_path: Path, values: np.ndarray, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite", byteorder="<", compression=compression)
    assert np.array_equal(read(tmp_path / "a.tif"), GREY)
    with Image.open(tmp_path / "a.tif") as opened_by_the_caller:
        assert np.array_equal(pixels(opened_by_the_caller)[:, :, 0], GREY)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_negative_values_are_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[-3, 100]], dtype), photometric="minisblack")
    assert f"{np.dtype(dtype)} values from -3 to 100" in refusal(tmp_path / "a.tif")


def test_signed_bytes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 127]], np.int8), photometric="minisblack")
    assert read(tmp_path / "a.tif").tolist() == [[0, 255]]


@pytest.mark.parametrize("tag", [281, 341])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_16_where_a_tag_says_so(tmp_path: Path, bits: int, tag: int) -> None:
    most = 2**bits - 1
    values = np.rint(GREY / 255 * most).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=[(tag, 3, 1, most, True)])
    assert np.array_equal(read(tmp_path / "a.tif"), GREY)
    tifffile.imwrite(tmp_path / "a.tif", most - values, extratags=[(tag, 3, 1, most, True)], photometric="miniswhite")
    assert np.array_equal(read(tmp_path / "a.tif"), GREY)
    tifffile.imwrite(tmp_path / "a.tif", SHORT * 257, extratags=[(tag, 3, 1, most, True)])  # the tag is wrong
    assert np.array_equal(read(tmp_path / "a.tif"), GREY)


def test_16_bits_without_a_bright_value_are_warned_of(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    tifffile.imwrite(tmp_path / "a.tif", SHORT * 16)
    for photo in (tmp_path / "a.tif", SHORT * 16, Image.fromarray(SHORT * 16)):
        with pytest.warns(UserWarning, match="if it holds 12-bit values, multiply them by 16"):
            assert np.array_equal(pixels(photo)[:, :, 0], np.rint(SHORT * 16 / 257))
    recwarn.clear()
    pixels(np.zeros((4, 9), np.uint16))  # a black picture
    pixels(SHORT * 257)
    assert not recwarn


def test_pil_pictures_of_32_bits() -> None:
    for values in (LONG.astype(np.int32), LONG.astype(np.int32) * 257):
        assert np.array_equal(pixels(Image.fromarray(values))[:, :, 0], GREY)


class TestSeparatePlanes:
    @pytest.mark.parametrize("compression", [None, "zlib"])
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("rows", [None, 5])
    def test_16_bit_colours(self, tmp_path: Path, order: str, compression: str | None, rows: int | None) -> None:
        options = {"photometric": "rgb", "byteorder": order, "compression": compression, "rowsperstrip": rows}
        tifffile.imwrite(tmp_path / "a.tif", PLANES, planarconfig="separate", **options)
        assert np.array_equal(pixels(tmp_path / "a.tif"), RGB)

    def test_upright_and_from_an_opened_picture(self, tmp_path: Path) -> None:
        turned = [(274, 3, 1, 6, True)]
        tifffile.imwrite(tmp_path / "a.tif", PLANES, photometric="rgb", planarconfig="separate", extratags=turned)
        assert np.array_equal(pixels(tmp_path / "a.tif"), np.rot90(RGB, -1))
        with Image.open(tmp_path / "a.tif") as opened:
            assert np.array_equal(pixels(opened), np.rot90(RGB, -1))

    def test_alpha_is_laid_over_white(self, tmp_path: Path) -> None:
        planes = np.concatenate([PLANES, np.zeros((1, 33, 47), np.uint16)])
        options = {"photometric": "rgb", "planarconfig": "separate"}
        tifffile.imwrite(tmp_path / "a.tif", planes, extrasamples=["unassalpha"], **options)
        assert (pixels(tmp_path / "a.tif") == 255).all()
        tifffile.imwrite(tmp_path / "a.tif", planes, extrasamples=["unspecified"], **options)
        assert np.array_equal(pixels(tmp_path / "a.tif"), RGB)

    def test_those_that_would_be_noise_are_refused(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", PLANES, photometric="rgb", planarconfig="separate", tile=(16, 16))
        assert refusal(tmp_path / "a.tif").endswith("16-bit colours in separate planes; save it as PNG")


class TestPages:
    def write(self, path: Path, kinds: list[int]) -> None:
        """Pages of some subfile types; those that are previews are small."""
        with tifffile.TiffWriter(path) as file:
            for kind in kinds:
                file.write(RGB[::4, ::4] if kind & 1 else RGB, photometric="rgb", subfiletype=kind)

    @pytest.mark.parametrize("kinds", [[1, 0], [1, 1, 0], [0, 1], [1, 2], [3, 2], [0]])
    def test_previews_are_passed_over(self, tmp_path: Path, kinds: list[int]) -> None:
        self.write(tmp_path / "a.tif", kinds)
        assert np.array_equal(pixels(tmp_path / "a.tif"), RGB)

    @pytest.mark.parametrize("cut", [2, 4, 7])
    def test_a_small_first_page_of_the_same_shape_is_a_preview(self, tmp_path: Path, cut: int) -> None:
        small = np.asarray(Image.fromarray(RGB).resize((round(47 / cut), round(33 / cut))))
        for pages in ([small, RGB], [small, RGB[::2, ::2], RGB]):
            with tifffile.TiffWriter(tmp_path / "a.tif") as file:
                for page in pages:
                    file.write(page, photometric="rgb")
            assert np.array_equal(pixels(tmp_path / "a.tif"), RGB)

    @pytest.mark.parametrize("later", [RGB[:, ::-1], RGB[:32, :32], RGB[:20], RGB[:16, :23]])
    def test_pages_of_a_document_are_not_passed_over(self, tmp_path: Path, later: np.ndarray) -> None:
        first = RGB[:30, :20]
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            for page in (first, later):
                file.write(page, photometric="rgb")
        assert np.array_equal(pixels(tmp_path / "a.tif"), first)

    def test_a_preview_alone_is_the_picture(self, tmp_path: Path) -> None:
        self.write(tmp_path / "a.tif", [1])
        assert np.array_equal(pixels(tmp_path / "a.tif"), RGB[::4, ::4])

    def test_a_preview_of_a_picture_that_pillow_does_not_see_is_refused(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            file.write(RGB[::4, ::4], photometric="rgb", subfiletype=1, subifds=1)
            file.write(RGB, photometric="rgb")
        assert "only its preview can be read" in refusal(tmp_path / "a.tif")

    def test_the_page_of_an_opened_picture_is_the_callers_choice(self, tmp_path: Path) -> None:
        self.write(tmp_path / "a.tif", [1, 0])
        with Image.open(tmp_path / "a.tif") as opened:
            assert np.array_equal(pixels(opened), RGB[::4, ::4])


class TestKindsThatPillowDoesNotKnow:
    @pytest.mark.parametrize("dtype", [np.float16, np.float64])
    def test_floats(self, tmp_path: Path, dtype: type) -> None:
        tifffile.imwrite(tmp_path / "a.tif", (GREY / 255).astype(dtype), photometric="minisblack")
        assert np.array_equal(read(tmp_path / "a.tif"), GREY)
        tifffile.imwrite(tmp_path / "a.tif", (1 - GREY / 255).astype(dtype), photometric="miniswhite")
        assert np.array_equal(read(tmp_path / "a.tif"), GREY)
        tifffile.imwrite(tmp_path / "a.tif", GREY.astype(dtype), photometric="minisblack")
        assert "float32 values from 0.0 to 255.0; give uint8" in refusal(tmp_path / "a.tif")

    @pytest.mark.parametrize("values", [LONG.astype(np.int64), LONG.astype(np.uint64) * np.uint64(257)])
    def test_long_integers(self, tmp_path: Path, values: np.ndarray) -> None:
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
        assert np.array_equal(read(tmp_path / "a.tif"), GREY)

    @pytest.mark.parametrize("planes", ["contig", "separate"])
    @pytest.mark.parametrize("alpha", [False, True])
    def test_colours(self, tmp_path: Path, planes: str, alpha: bool) -> None:
        values = np.concatenate([RGB, RGB[..., :1]], axis=2) if alpha else RGB
        kept = values / 255 if planes == "contig" else np.moveaxis(values / 255, -1, 0)
        extra = ["unspecified"] if alpha else None
        tifffile.imwrite(tmp_path / "a.tif", kept, photometric="rgb", planarconfig=planes, extrasamples=extra)
        assert np.array_equal(pixels(tmp_path / "a.tif"), RGB)

    def test_previews_are_passed_over(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            file.write(GREY[::4, ::4] / 255, photometric="minisblack", subfiletype=1)
            file.write(GREY / 255, photometric="minisblack")
        assert np.array_equal(read(tmp_path / "a.tif"), GREY)

    def test_many_channels_and_too_many_pixels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 9, 7)), photometric="minisblack", planarconfig="contig")
        assert "pixels of shape (8, 9, 7); save one page or channel" in refusal(tmp_path / "a.tif")
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((1100, 1000)), photometric="minisblack")
        monkeypatch.setenv("FREESEG_MAX_MEGAPIXELS", "1")
        assert "1000x1100 pixels are 1.1 megapixels" in refusal(tmp_path / "a.tif")

    def test_without_tifffile(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tifffile.imwrite(tmp_path / "a.tif", GREY / 255, photometric="minisblack")
        monkeypatch.setattr(scientific_tiff, "is_installed", lambda package: False)
        assert refusal(tmp_path / "a.tif").endswith(
            'a kind of TIFF that Pillow does not know, which needs tifffile; run: pip install "freeseg[tiff]"; or '
            "save it as PNG"
        )
