"""What the arguments of a command name: paths, patterns, lists of names, and what comes through a pipe."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.photos import Skipped, given_photos


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos, which is the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "shots/1.jpg", "shots/day-2/2.jpg", "shots/day-2/3.png", "c[1].jpg", "@d.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def paths_of(*arguments: str, pipe: bytes = b"") -> list[str]:
    return [photo.path.as_posix() for photo in given_photos(arguments, io.BytesIO(pipe))]


def complaint(*arguments: str, pipe: bytes = b"") -> str:
    with pytest.raises(PhotoError) as caught:
        given_photos(arguments, io.BytesIO(pipe))
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["b.png", "a.jpg", "b.png"], ["b.png", "a.jpg"]),
        (["*.jpg"], ["@d.jpg", "a.jpg", "c[1].jpg"]),
        (["shots/**/*.jpg"], ["shots/1.jpg", "shots/day-2/2.jpg"]),
        (["[ab].*"], ["a.jpg", "b.png"]),
        (["shots/day-?", "a.jpg"], ["shots/day-2/2.jpg", "shots/day-2/3.png", "a.jpg"]),
        (["c[1].jpg"], ["c[1].jpg"]),  # the name of a file comes first
        (["./@d.jpg"], ["@d.jpg"]),
    ],
)
def test_paths_and_patterns(arguments: list[str], expected: list[str]) -> None:
    assert paths_of(*arguments) == expected


@pytest.mark.parametrize(
    "content", [b"a.jpg\nshots/1.jpg\n", b"\xef\xbb\xbfa.jpg\r\n\r\nshots/1.jpg", b"a.jpg\0shots/1.jpg\0"]
)
def test_a_list_of_names(here: Path, content: bytes) -> None:
    (here / "names.txt").write_bytes(content)
    for found in (paths_of("@names.txt", "a.jpg"), paths_of("-", pipe=content)):
        assert found == ["a.jpg", "shots/1.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_text() -> None:
    Path(os.fsdecode(b"caf\xe9\nbar.jpg")).touch()
    assert [os.fsencode(path) for path in paths_of("-", pipe=b"caf\xe9\nbar.jpg\0")] == [b"caf\xe9\nbar.jpg"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_a_photo_through_the_pipe(kind: str) -> None:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind)
    named, piped = given_photos(["-", "a.jpg"], io.BytesIO(file.getvalue()))
    assert named.content == Path("a.jpg")
    assert str(piped.name) == "stdin"
    assert isinstance(piped.content, Image.Image)
    assert piped.content.size == (6, 4)


def test_folders_are_searched_and_what_is_left_out_is_counted(here: Path) -> None:
    (here / "shots" / "phone.cr2").touch()
    (here / "out").mkdir()
    (here / "names.txt").write_text("shots\n")
    skipped = Skipped()
    found = given_photos(["@names.txt"], io.BytesIO(), without=here / "out", skipped=skipped)
    assert [photo.path.name for photo in found] == ["1.jpg", "2.jpg", "3.png"]
    assert skipped.unsupported == {".cr2": 1}


def test_mistakes(here: Path) -> None:
    (here / "empty.txt").write_text("\n \n")
    Image.new("RGB", (3, 3)).save(here / "photo.png")
    assert complaint("x/*.jpg") == "no file matches x/*.jpg; check the pattern and the folder that you are in"
    assert complaint("@none.txt").startswith("cannot read none.txt: no such file")
    assert complaint("@empty.txt") == (
        "cannot read empty.txt: it is empty; give a list with the name of a photo on each line"
    )
    assert complaint("@photo.png") == "photo.png is a photo and no list of names; write it without the @"
    assert "no such file" in complaint("-", pipe=b"gone.jpg")
    assert complaint("-").startswith("cannot read the pipe: it is empty")
    assert "neither a photo nor text" in complaint("-", pipe=b"\x01\x02\x03")
    assert "(CR3)" in complaint("-", pipe=b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom")
    assert complaint("-", pipe=b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").startswith("cannot read the photo from the pipe")
    assert "damaged" in complaint("-", pipe=b"\xff\xd8\xff\xe0cut off")


def test_nothing_is_waited_for_at_a_terminal() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(PhotoError, match=r"there is none; write ... \| freeseg segment -"):
        given_photos(["-"], Terminal())
