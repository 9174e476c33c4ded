"""Image-caption sources: three layouts, the same pairs; every broken layout is refused in one line."""

from __future__ import annotations

import builtins
import io
import json
import os
import pickle
import tarfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from freeseg.data.captions import CaptionFolder, Pair, PairSource, PhotoFolder, TarShards, open_sources
from freeseg.errors import DataError

webdataset = pytest.importorskip("webdataset")
SHARED = Path(__file__).parents[3] / "shared" / "data"


def photo(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 40, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


PAIRS = [
    Pair("a", photo(10), ("a red kite", "a kite in the sky"), "train"),
    Pair("b", photo(20), (), "dev"),
    Pair("c", photo(30), ("naïve café 猫",), "test"),
]


def write_jsonl(
    folder: Path, lines: Sequence[object], photos: Sequence[str] = ("a.jpg",), under: str = "images"
) -> Path:
    (folder / under).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(photos):
        (folder / under / name).write_bytes(photo(number))
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "captions.jsonl").write_text(text, encoding="utf-8")
    return folder


def write_tar(path: Path, members: Sequence[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def as_jsonl(folder: Path) -> Path:
    write_jsonl(
        folder, [{"file": f"{p.key}.jpg", "captions": [*p.captions, " "], "split": p.split} for p in PAIRS], photos=()
    )
    for pair in PAIRS:
        (folder / "images" / f"{pair.key}.jpg").write_bytes(pair.image)
    return folder


def as_tar(path: Path, pairs: Sequence[Pair] = PAIRS) -> Path:
    with webdataset.TarWriter(str(path)) as tar:
        for pair in pairs:
            text = json.dumps({"captions": pair.captions, "split": pair.split}).encode()
            tar.write({"__key__": pair.key, "jpg": pair.image, "json": text})
    return path


def refusal(path: str | Path) -> str:
    """The one line with which a path is refused, on opening or while reading."""
    with pytest.raises(DataError) as caught:
        list(chain(*open_sources([path])))
    assert "\n" not in str(caught.value)
    return str(caught.value)


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
    sources: list[PairSource] = open_sources(
        [tmp_path / "photos", str(as_tar(tmp_path / "x.tar")), as_jsonl(tmp_path / "captions")]
    )
    assert [type(source) for source in sources] == [PhotoFolder, TarShards, CaptionFolder]
    assert [source.name for source in sources] == ["photos", "x.tar", "captions"]


def test_a_lone_string_is_one_path(tmp_path: Path) -> None:
    assert len(open_sources(str(as_jsonl(tmp_path)))) == 1


@pytest.mark.parametrize("path", ["pipe:touch ran", "pipe:cat x.tar", "https://x.org/a.tar", "s3://bucket/a.tar"])
def test_pipes_and_urls_are_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "only local files" in refusal(path)
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


# ------------------------------------------------------------------ tar shards


def test_one_tar_a_folder_and_a_pattern_give_the_same_pairs(tmp_path: Path) -> None:
    for number, pair in enumerate(PAIRS):
        as_tar(tmp_path / f"shards-{number:03}.tar", [pair])
    pattern = str(tmp_path / "shards-{000..002}.tar")
    assert list(open_sources([tmp_path])[0]) == list(open_sources([pattern])[0]) == PAIRS
    assert list(TarShards(tmp_path / "shards-001.tar")) == [PAIRS[1]]
    assert "1 of 4 shards are not there" in refusal(pattern.replace("002", "003"))
    assert "shards-003.tar" in refusal(pattern.replace("002", "003"))
    assert "not a pattern" in refusal(str(tmp_path / "shards-{000,{1.tar"))


def test_a_real_file_name_with_braces_is_no_pattern(tmp_path: Path) -> None:
    assert len(TarShards(as_tar(tmp_path / "x{1,2}.tar"))) == 3


@pytest.mark.parametrize(
    ("texts", "captions", "split"),
    [
        ([("a.txt", b"a kite\r\n\n  \na red kite\n")], ("a kite", "a red kite"), "train"),
        ([("a.json", b'{"caption": "a kite"}')], ("a kite",), "train"),
        ([("a.json", b'{"captions": ["a kite", " "], "split": "dev"}')], ("a kite",), "dev"),
        ([("a.json", b'{"caption": "from json", "split": "dev"}'), ("a.txt", b"from txt")], ("from txt",), "dev"),
        ([("a.json", b'{"caption": null, "width": 3}'), ("a.txt", b"")], (), "train"),
        ([("a.TXT", b"a kite")], ("a kite",), "train"),
        ([], (), "train"),
    ],
)
def test_texts_in_every_form(
    tmp_path: Path, texts: list[tuple[str, bytes]], captions: tuple[str, ...], split: str
) -> None:
    shard = write_tar(tmp_path / "x.tar", [("./a.JPEG", b"photo"), *((f"./{name}", data) for name, data in texts)])
    assert list(TarShards(shard)) == [Pair("a", b"photo", captions, split)]


def test_texts_without_a_photo_are_left_out_and_counted(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "x.tar", [("a.txt", b"alone"), ("b.png", b""), ("b.txt", b"kept"), ("c.json", b"{}")])
    source = TarShards(shard)
    assert (len(source), source.texts_without_photo) == (1, 2)
    assert list(source) == [Pair("b", b"", ("kept",), "train")]


def test_other_members_are_skipped(tmp_path: Path) -> None:
    members = [("._a.jpg", b"mac"), ("a.jpg", b"photo"), ("a.seg.png", b"mask"), ("a.cls", b"3"), ("README", b"hi")]
    shard = write_tar(tmp_path / "x.tar", [*members, ("__meta__/b.jpg", b"second"), ("dir.d/c.jpg", b"third")])
    with tarfile.open(shard, "a") as tar:
        link = tarfile.TarInfo("d.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    source = TarShards(shard)
    assert [pair.key for pair in source] == ["a", "__meta__/b", "dir.d/c"]
    assert len(source) == 3


class _Malice:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.ran),)


@pytest.mark.parametrize("suffix", ["pkl", "pyd", "pickle", "pth", "npy", "ten", "pyd.gz"])
def test_a_pickle_is_never_executed(tmp_path: Path, suffix: str) -> None:
    bomb = pickle.dumps(_Malice(tmp_path / "ran"))
    shard = write_tar(tmp_path / "x.tar", [("a.jpg", b"photo"), (f"a.{suffix}", bomb), ("a.txt", b"a kite")])
    assert list(TarShards(shard)) == [Pair("a", b"photo", ("a kite",), "train")]
    assert not (tmp_path / "ran").exists()
    pickle.loads(bomb)  # noqa: S301 - the trap is live
    assert (tmp_path / "ran").exists()


def test_a_shard_named_like_a_command_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    as_tar(Path("x.tar")).rename("pipe:touch ran;x.tar")
    assert list(TarShards("pipe:touch ran;x.tar")) == PAIRS
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([], "no photo"),
        ([("a.txt", b"x"), ("b.gif", b"x")], "no photo"),
        ([("a.jpg", b""), ("b.jpg", b""), ("a.txt", b"")], "'a.txt': its key came before"),
        ([("a.jpg", b""), ("a.png", b"")], "'a.png': a second photo"),
        ([("a.jpg", b""), ("a.txt", b""), ("a.txt", b"")], "'a.txt': a second photo or text"),
        ([("../a.jpg", b"")], "leads out"),
        ([("a.jpg", b""), ("a.txt", "é".encode("latin-1"))], "x.tar: a.txt: not UTF-8"),
        ([("a.jpg", b""), ("a.json", b"{")], "x.tar: a.json: not a JSON"),
        ([("a.jpg", b""), ("a.json", b"{}")], 'x.tar: a.json: no "captions"'),
        ([("a.jpg", b""), ("a.json", b'{"caption": 3}')], 'a.json: bad "captions"'),
        ([("a.jpg", b""), ("a.json", b'{"caption": "x", "split": "val"}')], "a.json: unknown split 'val'"),
    ],
)
def test_a_bad_shard_is_named(tmp_path: Path, members: list[tuple[str, bytes]], words: str) -> None:
    message = refusal(write_tar(tmp_path / "x.tar", members))
    assert "x.tar: " in message
    assert words in message


def test_a_key_that_comes_back_in_another_shard_is_refused(tmp_path: Path) -> None:
    as_tar(tmp_path / "0.tar", PAIRS[:1])
    as_tar(tmp_path / "1.tar", PAIRS[:1])
    assert "1.tar: 'a.j" in refusal(tmp_path)


@pytest.mark.parametrize("size", [0, 100, 512, 700, 1024, 1024 + 512, 3000])
def test_a_truncated_tar_is_refused_when_opened(tmp_path: Path, size: int) -> None:
    whole = as_tar(tmp_path / "x.tar")
    whole.write_bytes(whole.read_bytes()[:size])
    with pytest.raises(DataError, match=r"x\.tar: not a whole"):
        TarShards(whole)


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(photo(1) * 10)
    assert "not a whole, uncompressed tar" in refusal(tmp_path)
    assert "not there" in refusal(tmp_path / "absent.tar")


def test_a_header_damaged_in_the_middle_is_refused(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "x.tar", [("a.jpg", b"1"), ("b.jpg", b"2"), ("c.jpg", b"3")])
    data = bytearray(shard.read_bytes())
    data[1024:1034] = b"\xff" * 10
    shard.write_bytes(data)
    assert "not a whole" in refusal(shard)


def test_a_shard_removed_after_opening_is_named(tmp_path: Path) -> None:
    source = TarShards(as_tar(tmp_path / "x.tar"))
    (tmp_path / "x.tar").unlink()
    with pytest.raises(DataError, match=r"x\.tar: cannot be read any further"):
        list(source)


def test_without_webdataset_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith(("webdataset", "braceexpand")):
            raise ImportError(name)
        return genuine(name, *rest)

    shard = as_tar(tmp_path / "x.tar")
    monkeypatch.setattr(builtins, "__import__", without)
    assert 'pip install "freeseg[train]"' in refusal(shard)
    assert len(open_sources([as_jsonl(tmp_path / "captions")])) == 1  # needs no extra


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), max_size=4))
def test_any_captions_come_back_equal_through_txt_and_json(captions: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        text = ("\ufeff" + "\n".join(captions)).encode()
        shard = write_tar(Path(folder) / "0.tar", [("a.jpg", b"x"), ("a.txt", text)])
        also = write_tar(
            Path(folder) / "1.tar", [("a.jpg", b"x"), ("a.json", json.dumps({"captions": captions}).encode())]
        )
        [one], [other] = list(TarShards(shard)), list(TarShards(also))
    assert one == other
    assert one.captions == tuple(caption.strip() for caption in captions if caption.strip())


# ------------------------------------------------------------------ photo folders


def test_a_photo_folder_is_flat_sorted_and_without_captions(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "masks.png").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.jpg").write_bytes(b"c")
    expected = [Pair("a.PNG", b"a.PNG", (), "train"), Pair("b.jpg", b"b.jpg", (), "train")]
    assert list(PhotoFolder(tmp_path)) == expected


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photo"):
        PhotoFolder(tmp_path)


# ------------------------------------------------------------------ the data beside the project


@pytest.mark.parametrize(("name", "count"), [("captions_flickr8k", 8090), ("captions_coco_person", 2606)])
def test_the_shared_folders_open(name: str, count: int) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not there")
    [source] = open_sources([SHARED / name])
    first = next(iter(source))
    assert len(source) == count
    assert len(first.captions) == 5
    assert Image.open(io.BytesIO(first.image)).size
