"""What describes the photos of a run: captions in folders, tar files and Parquet files, found as the photos are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from freeseg.distributed import PhotoReference, photo_references
from freeseg.distributed import described as described_module
from freeseg.errors import PhotoError
from many_photos import write_tar


def described(*arguments: object) -> dict[str, tuple[str, ...]]:
    """The captions of each photo by its name."""
    return {Path(each.photo).name: each.captions for each in found_in(*arguments)}


def found_in(*arguments: object) -> list[PhotoReference]:
    return list(photo_references([*map(str, arguments)], captions=True))


def write_captions(folder: Path, *records: object) -> Path:
    folder.mkdir(exist_ok=True)
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return folder


@pytest.mark.parametrize("inside", [".", "images"])
def test_a_folder_gives_the_photos_that_its_captions_list(tmp_path: Path, inside: str) -> None:
    folder = write_captions(
        tmp_path / "set",
        {"file": "b.jpg", "captions": [" a red kite ", ""]},
        {"file": "below/a.jpg", "captions": []},
    )
    for name in ("b.jpg", "below/a.jpg", "c.jpg"):
        photo = folder / inside / name
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.touch()
    first, second = found_in(folder)
    assert (first.captions, second.captions) == (("a red kite",), ())
    assert (first.content(), second.content()) == (folder / inside / "b.jpg", folder / inside / "below/a.jpg")
    assert len(list(photo_references([str(folder)]))) == 3  # nobody asked for captions


def test_a_line_that_cannot_be_used_costs_nobody_else(tmp_path: Path) -> None:
    folder = write_captions(tmp_path / "set", {"file": "../a.jpg", "captions": []}, "{", {"file": "b.jpg"})
    (folder / "b.jpg").touch()
    problems = [each.problem for each in found_in(folder)]
    assert [f"captions.jsonl, line {number}: " in each for number, each in enumerate(problems, 1)] == [True] * 3
    assert "leads out of the folder" in problems[0]
    assert 'no "captions"' in problems[2]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_captions_in_the_encoding_of_powershell_are_read(tmp_path: Path, encoding: str) -> None:
    lines = [json.dumps({"file": name, "captions": ["a café"]}, ensure_ascii=False) for name in ("a.jpg", "b.jpg")]
    (tmp_path / "captions.jsonl").write_bytes("\r\n".join(lines).encode(encoding))
    assert described(tmp_path) == {"a.jpg": ("a café",), "b.jpg": ("a café",)}


def test_photos_in_a_store_are_named_as_those_in_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps({"file": name, "captions": []}).encode() for name in ("a.jpg", "images/b.jpg")]
    monkeypatch.setattr(described_module, "lines_of", lambda place: lines)
    monkeypatch.setattr(described_module, "is_store_folder", lambda place: place == "s3://bucket/set/images")
    found = [photo.path for photo in described_module.described_photos("s3://bucket/set")]
    assert found == ["s3://bucket/set/images/a.jpg", "s3://bucket/set/images/b.jpg"]


def test_captions_without_a_line_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "captions.jsonl").write_text("\n")
    with pytest.raises(PhotoError, match=r"captions\.jsonl: empty; it needs a line for each photo"):
        found_in(tmp_path)


def test_texts_beside_the_photos_of_a_tar_file_describe_them(tmp_path: Path) -> None:
    members = {
        "a/1.jpg": b"first",
        "a/1.txt": b"a dog\na brown dog",
        "2.json": b'{"caption": "a cat"}',
        "2.png": b"second",
        "3.jpg": b"third",
        "4.txt": b"of no photo",
        "5.json": b'{"captions": 5}',
        "5.jpg": b"fifth",
    }
    shard = write_tar(tmp_path / "000.tar", members)
    assert described(shard) == {"1.jpg": ("a dog", "a brown dog"), "2.png": ("a cat",), "3.jpg": (), "5.jpg": ()}
    *others, damaged = found_in(tmp_path)
    assert [each.content() for each in others] == [b"first", b"second", b"third"]
    assert damaged.problem.startswith(f"{shard}: 5.json: bad")


def test_captions_are_the_same_as_training_reads_them(tmp_path: Path) -> None:
    pytest.importorskip("webdataset")
    from freeseg.data import TarShards

    members = {"1.jpg": b"1", "1.json": b'{"captions": ["x"]}', "1.txt": b"y", "./2.JPG": b"2", "./2.TXT": b" z "}
    shard = write_tar(tmp_path / "000.tar", members)
    assert [each.captions for each in found_in(shard)] == [photo.captions for photo in TarShards(shard)]


@pytest.mark.parametrize("by_path", [False, True])
def test_a_column_of_a_parquet_file_describes_its_photos(tmp_path: Path, by_path: bool) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"%d" % number)
    paths = [str(tmp_path / f"{number}.jpg") for number in range(3)]
    photos: dict[str, object] = {"path": paths} if by_path else {"image": [b"0", b"1", b"2"]}
    texts = ["a", None, " "]
    for captions in ([["a", " "], None, ["b", "c"]], texts, pyarrow.array(texts).dictionary_encode()):
        file = tmp_path / "a.parquet"
        parquet.write_table(pyarrow.table({**photos, "caption": captions}), file, row_group_size=2)
        third = ("b", "c") if isinstance(captions[0], list) else ()
        found = found_in(file)
        assert [each.captions for each in found] == [("a",), (), third]
        assert [each.image() for each in found] == [b"0", b"1", b"2"]


def test_captions_that_stop_in_the_middle_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_captions(tmp_path / "set", {"file": "a.jpg", "captions": []})
    (folder / "a.jpg").touch()

    def broken(place: str) -> Iterator[bytes]:
        yield b'{"file": "a.jpg", "captions": []}'
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(described_module, "lines_of", broken)
    with pytest.raises(PhotoError, match=r"^cannot read .*captions\.jsonl: input/output error; check"):
        found_in(folder)
