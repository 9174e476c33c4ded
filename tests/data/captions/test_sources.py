"""Image-caption sources: three layouts, the same pairs; every broken layout is refused in one line."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from captioned import PAIRS, as_jsonl, as_tar, photo, refusal, write_jsonl
from freeseg.data.captions import CaptionedPhoto, CaptionFolder, PhotoFolder, PhotoSource, TarShards, open_sources
from freeseg.errors import DataError

SHARED = Path(os.environ.get("FREESEG_TEST_DATA", "none"))


# ------------------------------------------------------------------ what all sources have in common


@pytest.mark.parametrize("kind", ["jsonl", "tar", "photos"])
def test_a_source_is_counted_streamed_and_iterated_again(tmp_path: Path, kind: str) -> None:
    path = {"jsonl": as_jsonl, "tar": lambda folder: as_tar(folder / "x.tar")}.get(kind, lambda folder: folder)(
        tmp_path
    )
    if kind == "photos":
        for name in ("b.JPG", "a.png", "c.tiff"):
            (tmp_path / name).write_bytes(photo(1))
    [source] = open_sources([path])
    first = list(source)
    assert len(source) == len(first) == 3
    assert list(source) == first == list(open_sources([path])[0])
    assert len({pair.key for pair in first}) == 3
    assert next(iter(source)) == first[0]  # an iterator given up half-way does no harm
    assert list(source) == first


def test_the_same_pairs_through_jsonl_and_tar_are_equal(tmp_path: Path) -> None:
    from_jsonl, from_tar = open_sources([as_jsonl(tmp_path / "folder"), as_tar(tmp_path / "x.tar")])
    assert list(from_tar) == PAIRS
    assert [pair._replace(key=Path(pair.key).stem) for pair in from_jsonl] == PAIRS


def test_several_sources_keep_their_order_and_have_names(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "z.webp").write_bytes(b"z")
    sources: list[PhotoSource] = open_sources(
        [tmp_path / "photos", str(as_tar(tmp_path / "x.tar")), as_jsonl(tmp_path / "captions")]
    )
    assert [type(source) for source in sources] == [PhotoFolder, TarShards, CaptionFolder]
    assert [source.name for source in sources] == ["photos", "x.tar", "captions"]


def test_a_lone_string_is_one_path(tmp_path: Path) -> None:
    assert len(open_sources(str(as_jsonl(tmp_path)))) == 1


@pytest.mark.parametrize("path", ["pipe:touch ran", "pipe:cat x.tar", "https://x.org/a.tar"])
def test_pipes_and_web_pages_are_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no web page and no pipe" in refusal(path)
    assert not Path("ran").exists()


def test_a_path_of_no_kind_says_what_was_looked_for_and_found(tmp_path: Path) -> None:
    assert "found nothing" in refusal(tmp_path / "absent")
    assert "found nothing" in refusal("x" * 400)
    (tmp_path / "labels.csv").write_text("")
    (tmp_path / "sub").mkdir()
    for word in ("captions.jsonl", ".tar", ".jpg", "found labels.csv, sub"):
        assert word in refusal(tmp_path)
    assert "found labels.csv" in refusal(tmp_path / "labels.csv")
    assert "found nothing" in refusal(tmp_path / "sub")


def test_shards_mixed_with_photos_are_refused_rather_than_half_read(tmp_path: Path) -> None:
    as_tar(tmp_path / "x.tar")
    (tmp_path / "loose.jpg").write_bytes(b"x")
    assert "loose.jpg" in refusal(tmp_path)


# ------------------------------------------------------------------ jsonl folders


def test_photos_may_lie_beside_the_jsonl_and_in_subfolders(tmp_path: Path) -> None:
    write_jsonl(tmp_path, [{"file": "./a.jpg", "captions": []}], under="")
    assert [pair.key for pair in CaptionFolder(tmp_path)] == ["a.jpg"]
    write_jsonl(tmp_path, [{"file": "images/sub/a.jpg", "captions": []}], under="images/sub")
    assert [pair.key for pair in CaptionFolder(tmp_path)] == ["images/sub/a.jpg"]


def test_blank_lines_captions_and_byte_order_marks_do_no_harm(tmp_path: Path) -> None:
    write_jsonl(tmp_path, ["\ufeff" + '{"file": "a.jpg", "captions": ["", " a kite\\n", "\\t"]}', "", "  ", ""])
    assert [(pair.captions, pair.split) for pair in CaptionFolder(tmp_path)] == [(("a kite",), "train")]


def test_half_an_emoji_becomes_text_that_can_be_encoded(tmp_path: Path) -> None:
    write_jsonl(tmp_path, ['{"file": "a.jpg", "captions": ["a kite \\ud83d"]}'])
    [pair] = CaptionFolder(tmp_path)
    assert pair.captions == ("a kite ?",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not a JSON"),
        ("[" * 100_000, "not a JSON"),
        ("[1]", "it is a list"),
        ({"captions": []}, 'no "file"'),
        ({"file": 3, "captions": []}, 'bad "file"'),
        ({"file": "", "captions": []}, 'bad "file"'),
        ({"file": "b.jpg"}, 'no "captions"'),
        ({"file": "b.jpg", "captions": "a kite"}, "list of strings"),
        ({"file": "b.jpg", "captions": ["a kite", None]}, "list of strings"),
        ({"file": "b.jpg", "captions": [], "split": "val"}, "unknown split 'val'; use one of train, dev, test, none"),
        ({"file": "b.jpg", "captions": [], "split": []}, "unknown split"),
        ({"file": "a.jpg", "captions": []}, "listed twice"),
        ({"file": "images/a.jpg", "captions": []}, "listed twice"),
        ({"file": "../b.jpg", "captions": []}, "leads out"),
        ({"file": "x/../../b.jpg", "captions": []}, "leads out"),
        ({"file": "..\\b.jpg", "captions": []}, "leads out"),
        ({"file": "/etc/passwd", "captions": []}, "leads out"),
        ({"file": "C:\\b.jpg", "captions": []}, "leads out"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, line: object, words: str) -> None:
    write_jsonl(tmp_path, [{"file": "a.jpg", "captions": []}, "", line], photos=("a.jpg", "b.jpg"))
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path / 'captions.jsonl'}, line 3: ")
    assert words in message


def test_text_that_is_not_utf8_is_refused_by_line(tmp_path: Path) -> None:
    write_jsonl(tmp_path, [])
    (tmp_path / "captions.jsonl").write_bytes('{"file": "a.jpg", "captions": ["café"]}'.encode("latin-1"))
    assert "line 1: not a JSON object in UTF-8" in refusal(tmp_path)


def test_an_empty_jsonl_is_refused(tmp_path: Path) -> None:
    assert "empty" in refusal(write_jsonl(tmp_path, ["", " "]))


def test_missing_photos_are_counted_up_front(tmp_path: Path) -> None:
    names = ["a.jpg", "gone.jpg", "x" * 400, "nul\0.jpg", "\ud800.jpg"]
    write_jsonl(tmp_path, [{"file": name, "captions": []} for name in names])
    with pytest.raises(DataError, match=r"4 of 5 photos are not there; the first is 'gone\.jpg'"):
        CaptionFolder(tmp_path)


def test_a_photo_removed_after_opening_is_named(tmp_path: Path) -> None:
    source = CaptionFolder(write_jsonl(tmp_path, [{"file": "a.jpg", "captions": []}]))
    (tmp_path / "images" / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"a\.jpg: cannot be read"):
        list(source)


# ------------------------------------------------------------------ photo folders


def test_a_photo_folder_is_sorted_and_without_captions(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "masks.png").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.jpg").write_bytes(b"c")
    expected = [("a.PNG", b"a.PNG"), ("b.jpg", b"b.jpg"), ("sub/c.jpg", b"c")]
    assert list(PhotoFolder(tmp_path)) == [CaptionedPhoto(*photo, (), "train") for photo in expected]


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photo"):
        PhotoFolder(tmp_path)


# ------------------------------------------------------------------ the data beside the project


@pytest.mark.parametrize(("name", "count"), [("captions_flickr8k", 8090), ("captions_coco_person", 2606)])
def test_the_shared_folders_open(name: str, count: int) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs $FREESEG_TEST_DATA/{name}")
    [source] = open_sources([SHARED / name])
    first = next(iter(source))
    assert len(source) == count
    assert len(first.captions) == 5
    assert Image.open(io.BytesIO(first.image)).size


def test_a_video_is_no_folder_of_photos(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"...")
    expected = "a video; save its frames to a folder first, with freeseg.frames in Python"
    with pytest.raises(DataError, match=f"clip.mp4: {expected}$"):
        open_sources([path])
