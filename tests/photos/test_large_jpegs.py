"""JPEGs that are much larger than what a model sees: decoded at a reduced scale, and in full once somebody looks."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from freeseg.errors import PhotoError
from freeseg.photos import limits, read_photo, read_resized, reduced, resize
from freeseg.photos.large_jpegs import LatePhoto
from pictures import noise

SIZE = (333, 250)  # no multiple of 8: the last blocks of the file are not full


def smooth(width: int = SIZE[0], height: int = SIZE[1]) -> Image.Image:
    """A picture without details of single pixels, which only the full scale has."""
    return noise(height // 10, width // 10).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(picture: Image.Image, *, format: str = "JPEG", **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def eighth(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] // 8, size[1] // 8


def outcome(content: bytes, *, is_large: bool) -> str | tuple[int, int]:
    """What reading gives: the error, or the size, also of the full decoding."""
    try:
        photo = read_resized(content, eighth)[0] if is_large else read_photo(content)
        photo.load()
        return photo.size
    except PhotoError as error:
        return str(error)


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_it_is_the_same_photo_and_nearly_the_same_version(orientation: int | None, mode: str) -> None:
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    content = jpeg(smooth().convert(mode), exif=exif, quality=95)
    whole = read_photo(content)
    photo, version = read_resized(content, eighth)
    assert isinstance(photo, LatePhoto)
    assert (photo.mode, photo.size) == ("RGB", whole.size)
    assert version.size == eighth(whole.size)
    difference = np.asarray(version, float) - np.asarray(resize(whole, version.size), float)
    assert np.abs(difference).mean() < 1.5
    assert abs(difference.mean()) < 0.2
    assert photo.tobytes() == whole.tobytes()
    assert type(photo) is Image.Image


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 2}, {"restart_marker_blocks": 4}])
def test_kinds_of_jpeg(options: dict[str, object]) -> None:
    content = jpeg(smooth(), quality=95, **options)
    photo, version = read_resized(content, eighth)
    assert isinstance(photo, LatePhoto)
    whole = read_photo(content)
    assert np.abs(np.asarray(version, float) - np.asarray(resize(whole, version.size), float)).mean() < 1.5
    assert photo.tobytes() == whole.tobytes()


def test_a_phones_file_of_two_pictures() -> None:
    content = jpeg(smooth(), format="MPO", save_all=True, append_images=[smooth(64, 48)])
    photo, version = read_resized(content, eighth)
    assert isinstance(photo, LatePhoto)
    assert version.size == eighth(SIZE)
    assert photo.tobytes() == read_photo(content).tobytes()


@pytest.mark.parametrize(
    "content",
    [jpeg(smooth().convert("CMYK")), jpeg(smooth(), format="PNG"), jpeg(smooth(40, 30))],
    ids=["CMYK", "PNG", "small"],
)
def test_all_others_are_read_as_they_were(content: bytes) -> None:
    def fit(size: tuple[int, int]) -> tuple[int, int]:
        return (30, 22) if size == (40, 30) else eighth(size)

    photo, version = read_resized(content, fit)
    whole = read_photo(content)
    assert type(photo) is Image.Image
    assert photo.tobytes() == whole.tobytes()
    assert version.tobytes() == resize(whole, fit(whole.size)).tobytes()


@pytest.mark.parametrize("scale", [1.0, 1.5, 3.9])
def test_a_photo_near_the_size_that_is_asked_for_gives_the_same_version(scale: float) -> None:
    """Masks of such photos are those of version 0.1.0, bit for bit."""
    content = jpeg(noise(SIZE[1], SIZE[0]))
    size = round(SIZE[0] / scale), round(SIZE[1] / scale)
    photo, version = read_resized(content, lambda _: size)
    assert type(photo) is Image.Image
    assert version.tobytes() == resize(read_photo(content), size).tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}], ids=str)
def test_a_file_that_was_cut_is_refused_wherever_it_was_cut(options: dict[str, object]) -> None:
    """The reduced scale reads as far as the full one does: down to the last bytes, both say the same."""
    content = jpeg(smooth(), quality=90, **options)
    lengths = [*range(20, len(content) - 40, 997), *range(len(content) - 40, len(content) + 1)]
    found = [outcome(content[:length], is_large=True) for length in lengths]
    assert found == [outcome(content[:length], is_large=False) for length in lengths]
    assert found[-1] == SIZE
    assert len({type(each) for each in found}) == 2


@pytest.mark.parametrize("seed", range(60))
def test_damage_anywhere_is_reported_as_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(jpeg(smooth(), quality=90, progressive=bool(seed % 2)))
    start = int(rng.integers(2, len(content) - 40))
    content[start : start + 20] = rng.bytes(20)
    assert outcome(bytes(content), is_large=True) == outcome(bytes(content), is_large=False)


def test_damage_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(jpeg(smooth())[:-500])
    with pytest.raises(PhotoError, match=r"cut\.jpg: damaged or not supported"):
        read_resized(path, eighth)


def test_the_photo_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(smooth()))
    whole, photo = read_photo(path), read_resized(path, eighth)[0]
    path.unlink()
    assert photo.filter(ImageFilter.BLUR).tobytes() == whole.filter(ImageFilter.BLUR).tobytes()


def test_what_decoding_raises_comes_out_of_what_asked_for_pixels() -> None:
    def decode() -> Image.Image:
        raise PhotoError("too large")

    photo = LatePhoto((4, 3), decode)
    assert photo.size == (4, 3)
    for _ in range(2):
        with pytest.raises(PhotoError, match="too large"):
            photo.crop((0, 0, 1, 1)).load()


def test_several_threads_decode_it_once() -> None:
    decoded, begin = list[int](), threading.Barrier(4)

    def decode() -> Image.Image:
        decoded.append(1)
        return Image.new("RGB", (4, 3), "red")

    photo = LatePhoto((4, 3), decode)

    def look(_: int) -> bytes:
        begin.wait(20)
        return photo.tobytes()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(look, range(4))) == {bytes([255, 0, 0] * 12)}
    assert decoded == [1]


def test_it_can_be_sent_to_another_process() -> None:
    photo = LatePhoto((4, 3), lambda: Image.new("RGB", (4, 3), "red"))
    sent = pickle.loads(pickle.dumps(photo))  # noqa: S301 - the test's own
    assert type(sent) is Image.Image
    assert sent.tobytes() == photo.tobytes()


@pytest.mark.parametrize("orientation", [1, 6])
def test_reduced_without_decoding_in_full(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = jpeg(smooth(), exif=exif, quality=95)
    photo, _ = read_resized(content, eighth)
    for factor in (2, 3, 4):
        small = reduced(photo, factor)
        assert small.size == tuple(-(-side // factor) for side in photo.size)
        assert isinstance(photo, LatePhoto)
        difference = np.asarray(small, float) - np.asarray(read_photo(content).reduce(factor), float)
        assert np.abs(difference).mean() < 25  # another picture would differ by 80
    assert reduced(photo, 1) is photo
    whole = photo.copy()
    assert type(whole) is Image.Image
    assert reduced(whole, 2).size == ((167, 125) if orientation == 1 else (125, 167))


def test_an_open_file_is_reduced_too() -> None:
    content = jpeg(smooth(), quality=95)
    file = BytesIO(content)
    photo, version = read_resized(file, eighth)
    assert isinstance(photo, LatePhoto)
    assert version.tobytes() == read_resized(content, eighth)[1].tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_large_png_is_let_go_of(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGE_MEGAPIXELS", 0.08)  # it has 333 x 250
    path = tmp_path / "a.png"
    smooth().convert(mode).save(path)
    whole = read_photo(path)
    for photo in (read_resized(path, eighth)[0], read_resized(path.read_bytes(), eighth)[0]):
        assert isinstance(photo, LatePhoto)
        assert np.allclose(reduced(photo, 3), whole.reduce(3), atol=2)
        assert isinstance(photo, LatePhoto)
        assert photo.tobytes() == whole.tobytes()
    monkeypatch.chdir(tmp_path)
    photo, other = (read_resized("a.png", eighth)[0] for _ in range(2))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert other.tobytes() == whole.tobytes()
    noise(10, 12).save(path)
    with pytest.raises(PhotoError, match=r"a\.png was changed while it was used; segment it again"):
        photo.load()
