"""Photos that were named one by one, as a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from freeseg.data import NamedPhotos
from freeseg.errors import DataError


def test_keys_are_paths_below_the_deepest_folder_of_all(tmp_path: Path) -> None:
    photos = [tmp_path / "set" / name for name in ("a/x.jpg", "a/b/y.jpg", "a/x.png")]
    for photo in photos:
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(photo.name.encode())
    source = NamedPhotos(photos)
    assert (source.name, source.folder, len(source)) == ("a", tmp_path / "set" / "a", 3)
    assert list(source.keys()) == ["x.jpg", "b/y.jpg", "x.png"]
    assert [(photo.key, photo.image, photo.captions) for photo in source] == [
        ("x.jpg", b"x.jpg", ()),
        ("b/y.jpg", b"y.jpg", ()),
        ("x.png", b"x.png", ()),
    ]


def test_paths_are_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("a.jpg").write_bytes(b"a")
    source = NamedPhotos([Path("a.jpg")])
    monkeypatch.chdir(tmp_path)
    assert (source.name, [photo.image for photo in source]) == ("here", [b"a"])


def test_photos_that_share_the_root_alone_are_refused() -> None:
    with pytest.raises(DataError, match=r"/home/a\.jpg and /mnt/b\.jpg are in no folder together; put them into one"):
        NamedPhotos([Path("/home/a.jpg"), Path("/home/c.jpg"), Path("/mnt/b.jpg")])
    with pytest.raises(DataError, match=r"/a\.jpg and /a\.jpg are in no folder"):
        NamedPhotos([Path("/a.jpg")])
    with pytest.raises(DataError, match="no photos were named"):
        NamedPhotos([])


def test_a_photo_that_has_gone_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jpg"):
        list(NamedPhotos([tmp_path / "a.jpg"]))
