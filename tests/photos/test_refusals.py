"""What cannot be read: one line that names the cause and the fix."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.photos import read_photo
from pictures import COLOURS, needs_avif, refusal, save

# --- values and shapes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.array([[-1, 5]], np.int32), np.array([[0, 65536]], np.int32)])
def test_32_bit_integers_beyond_16_bits_are_refused(tmp_path: Path, bad: np.ndarray) -> None:
    path = save(Image.fromarray(bad), tmp_path / "a.tif")
    assert refusal(path).startswith(f"cannot read {path}: int32 values from {bad.min()} to {bad.max()}; give ")


def test_float_pictures_beyond_one_are_refused() -> None:
    assert "float32 values from 0.0 to 255.0" in refusal(Image.fromarray(np.array([[0, 255]], np.float32)))


@pytest.mark.parametrize("shape", [(), (5,), (2, 5, 7), (5, 7, 2), (5, 7, 5)])
def test_arrays_of_a_wrong_shape(shape: tuple[int, ...]) -> None:
    message = refusal(np.zeros(shape, np.uint8))
    assert message == f"cannot read the array: shape {shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


@pytest.mark.parametrize("shape", [(4, 5, 7), (3, 2, 2), (1, 2, 9)])
def test_arrays_that_may_have_their_channels_first(shape: tuple[int, ...]) -> None:
    assert refusal(np.zeros(shape)).endswith("; if the channels are first, give np.moveaxis(array, 0, -1)")


def test_a_batch() -> None:
    assert refusal(np.zeros((1, 5, 7, 3))).endswith("; give the photos of a batch one by one")


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3), (0, 0, 4)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    assert f"cannot read the array: {shape[1]}x{shape[0]} pixels; give one that has pixels" in refusal(np.zeros(shape))


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


# --- files ----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + bytes(200), "a Canon raw file (CR3)"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(200), "a Canon raw file (CR2)"),
        (b"8BPS\0\x01" + bytes(200), "a Photoshop file (PSD)"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(200), "JPEG XL"),
    ],
)
def test_a_kind_that_is_not_read_is_named(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert refusal(tmp_path / "a.jpg").endswith(f": it is {kind}, whatever its name says; save it as PNG or JPEG")


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


@pytest.mark.parametrize("wrong", [None, 5, [1, 2], {"a": 1}, object()])
def test_a_wrong_type(wrong: object) -> None:
    message = refusal(wrong)
    assert message.startswith(f"cannot read a photo from {type(wrong).__name__}; give ")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "the bytes: empty (0 bytes)"),
        (b"bytes", "the bytes: not a picture in a known format"),
        (bytearray(b"bytes"), "the bytes: not a picture"),
        (io.BytesIO(b"x"), "the open file: not a picture"),
        (io.BytesIO(), "the open file: empty (0 bytes)"),
        (io.StringIO("text"), "the open file: reading it gives str and no bytes; open it in binary mode ('rb')"),
    ],
)
def test_bytes_and_open_files(file: object, reason: str) -> None:
    assert reason in refusal(file)


def test_a_file_that_is_read_in_a_coroutine() -> None:
    class Upload:
        async def read(self) -> bytes:
            return b""

    assert "reading it gives coroutine and no bytes" in refusal(Upload())


def test_a_closed_file(tmp_path: Path) -> None:
    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    with path.open("rb") as file:
        pass
    assert refusal(file).startswith(f"cannot read {path}: ")


@pytest.mark.parametrize("tensor", [torch.zeros(4, 9, dtype=torch.int64), torch.full((3, 9, 9), 2.0)])
def test_tensors(tensor: torch.Tensor) -> None:
    assert refusal(tensor).startswith(f"cannot read the tensor: {str(tensor.dtype).partition('.')[2]} values from ")


def test_pil_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    assert "the picture: 0x5 pixels; give one that has pixels" in refusal(Image.new("RGB", (0, 5)))
    path = save(Image.fromarray(COLOURS), tmp_path / "a.png")
    with Image.open(path) as closed_before_loading:
        pass
    assert refusal(closed_before_loading).startswith(f"cannot read {path}: ")
