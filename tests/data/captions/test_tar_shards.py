"""Image-caption pairs from tar shards."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioned import PAIRS, as_jsonl, as_tar, photo, refusal, write_tar
from freeseg.data.captions import CaptionedPhoto, TarShards, open_sources
from freeseg.errors import DataError


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
    assert list(TarShards(shard)) == [CaptionedPhoto("a", b"photo", captions, split)]


def test_texts_without_a_photo_are_left_out(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "x.tar", [("a.txt", b"alone"), ("b.png", b""), ("b.txt", b"kept"), ("c.json", b"{}")])
    source = TarShards(shard)
    assert len(source) == 1
    assert list(source) == [CaptionedPhoto("b", b"", ("kept",), "train")]


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
    assert list(TarShards(shard)) == [CaptionedPhoto("a", b"photo", ("a kite",), "train")]
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
