"""What was done before: a line counts while the photo, its results and the settings are the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from freeseg.photos import FoundPhoto, find_photos
from freeseg.results.done_before import DoneBefore

SETTINGS = ["a model", ("cat", "dog")]
FORMATS = ["mask", "json"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photo(tmp_path: Path) -> FoundPhoto:
    """A photo whose results are written, and noted."""
    Image.new("RGB", (4, 3)).save(tmp_path / "cat.jpg")
    (found,) = find_photos([tmp_path / "cat.jpg"])
    (tmp_path / "out").mkdir()
    for ending in (".mask.png", ".json"):
        (tmp_path / "out" / f"cat{ending}").touch()
    DoneBefore(tmp_path / "out", SETTINGS, FORMATS).add(found, "cat", ["cat", "dog"])
    return found


def holds(photo: FoundPhoto, *, settings: list[object] = SETTINGS, formats: list[str] = FORMATS) -> bool:  # type: ignore[assignment]
    return DoneBefore(photo.path.parent / "out", settings, formats).holds(photo, "cat")


def path_of(photo: FoundPhoto) -> Path:
    """The file in which it is noted."""
    path = DoneBefore(photo.path.parent / "out", SETTINGS, FORMATS).path
    assert path is not None
    return path


def test_what_is_noted(photo: FoundPhoto) -> None:
    assert path_of(photo).parent == photo.path.parent / "cache" / "done"
    (line,) = path_of(photo).read_text().splitlines()
    noted = json.loads(line)
    assert (noted["stem"], noted["photo"], noted["bytes"]) == ("cat", "../cat.jpg", photo.path.stat().st_size)
    assert (noted["formats"], noted["endings"]) == (FORMATS, [".mask.png", ".json"])


def test_the_same_again_and_a_part_of_it(photo: FoundPhoto) -> None:
    assert holds(photo)
    assert holds(photo, formats=["json"])


def test_other_words_another_format_or_another_name(photo: FoundPhoto) -> None:
    assert not holds(photo, settings=["a model", ("cat",)])
    assert not holds(photo, formats=["mask", "npz"])
    assert not DoneBefore(photo.path.parent / "out", SETTINGS, FORMATS).holds(photo, "dog")


def test_a_result_that_is_gone(photo: FoundPhoto) -> None:
    (photo.path.parent / "out" / "cat.json").unlink()
    assert not holds(photo)


def test_a_photo_that_has_changed(photo: FoundPhoto) -> None:
    found = photo.path.stat()
    os.utime(photo.path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    assert not holds(photo)
    os.utime(photo.path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert holds(photo)
    photo.path.unlink()
    assert not holds(photo)


def test_a_photo_from_a_pipe_is_known_by_its_pixels(tmp_path: Path, photo: FoundPhoto) -> None:
    done = DoneBefore(tmp_path / "out", SETTINGS, FORMATS)
    one, other = (photo._replace(picture=Image.new("RGB", (4, 3), colour)) for colour in ("black", "white"))
    done.add(one, "cat", ["cat"])
    assert holds(one)
    assert not holds(other)


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff\x00", b"[]", b"{}", b'{"stem": []}', b"[" * 10_000, b'{"stem": "cat", "formats": 3}', b"null"],
)
def test_damaged_lines_only_cost_time(photo: FoundPhoto, damage: bytes) -> None:
    path = path_of(photo)
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert not holds(photo)
    path.write_bytes(damage + b"\n" + whole)
    assert holds(photo)


def test_what_a_kill_left_half_written(photo: FoundPhoto) -> None:
    folder, path = photo.path.parent / "out", path_of(photo)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    done = DoneBefore(folder, SETTINGS, FORMATS)
    assert not done.holds(photo, "cat")
    done.add(photo, "cat", ["cat"])
    done.add(photo, "cat", ["cat"])
    assert path.read_bytes() == whole[:-20] + b"\n" + whole
    assert holds(photo)


def test_a_file_that_cannot_be_written_costs_nothing(photo: FoundPhoto) -> None:
    path_of(photo).unlink()
    path_of(photo).mkdir()
    DoneBefore(photo.path.parent / "out", SETTINGS, FORMATS).add(photo, "cat", ["cat"])
    assert not holds(photo)


def test_another_folder_or_none(photo: FoundPhoto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").rename(tmp_path / "other")
    assert not DoneBefore(tmp_path / "other", SETTINGS, FORMATS).holds(photo, "cat")
    (tmp_path / "out").symlink_to(tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    assert DoneBefore(Path("out"), SETTINGS, FORMATS).path == DoneBefore(tmp_path / "other", SETTINGS, FORMATS).path
    monkeypatch.setenv("FREESEG_CACHE", "off")
    done = DoneBefore(Path("out"), SETTINGS, FORMATS)
    done.add(photo, "cat", ["cat"])
    assert done.path is None
