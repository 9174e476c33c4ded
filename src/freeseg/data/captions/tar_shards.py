"""Webdataset shards: photos and their captions in tar files."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from freeseg.data.captions.records import (
    captions_and_split,
    data_errors,
    files_with_suffix,
    parse_record,
    relative_name,
)
from freeseg.data.captions.source import CaptionedPhoto
from freeseg.errors import PATH_CHARACTERS, DataError, shortened
from freeseg.files import is_file, is_folder
from freeseg.places import buffered_place, is_remote, is_store_folder, listed_store
from freeseg.urls import shown_url

_PHOTO_KINDS = ("jpg", "jpeg", "png", "webp")
TEXT_KINDS = ("txt", "json")


class TarShards:
    """Webdataset shards: a `.tar` file, a folder of them, or a pattern such as `"shards-{000..003}.tar"`.

    A photo is `KEY.jpg`, `.jpeg`, `.png` or `.webp`. The text beside it is `KEY.txt` (a caption a line) or `KEY.json`
    ({"caption": str} or {"captions": [str]}, optionally with "split"). Where there are both, as img2dataset writes
    them, the captions are those of `KEY.txt`. As everywhere in webdataset, a key ends at the first dot of the file's
    name. Other members are skipped unread, so that nothing is ever unpickled, and texts without a photo are left out.

    Shards in a store (`s3://`, `gs://`; needs pyarrow) are read from there, once when they are opened and once whenever
    they are iterated, and are kept nowhere. One photo is in memory at a time, and the keys of all.

    Args:
        path: A file, a folder or a pattern, on this machine or in a store.

    Attributes:
        name: The last part of the path.

    Raises:
        DataError: When the source is opened, webdataset is missing, or a shard is missing, damaged or of another
            layout. While it is iterated, a text cannot be used.

    Example:
        >>> import tempfile, webdataset
        >>> shard = Path(tempfile.mkdtemp()) / "000.tar"
        >>> with webdataset.TarWriter(str(shard)) as tar:
        ...     _ = tar.write({"__key__": "a", "jpg": b"...", "txt": "a red kite"})
        >>> list(TarShards(shard))
        [CaptionedPhoto(key='a', image=b'...', captions=('a red kite',), split='train')]
    """

    def __init__(self, path: str | Path) -> None:
        place = str(path)
        self.name = PurePosixPath(place.partition("?")[0]).name if is_remote(place) else Path(path).resolve().name
        _tar_reader()  # so that a missing webdataset is told now, and not when the training starts
        self._shards = _find_shards(path)
        photos, texts = set[str](), set[str]()
        for shard in self._shards:
            _scan(shard, photos, texts)
        if not photos:
            raise DataError(
                f"{shown_url(place)}: no photo (KEY.{', KEY.'.join(_PHOTO_KINDS)}) in {len(self._shards)} shards"
            )
        self._keys = photos

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self._keys)

    def keys(self) -> Iterable[str]:
        """The keys of all photos; no photo is read."""
        return self._keys

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        """The photos, one at a time."""
        reader = _tar_reader()
        for place in self._shards:
            shard = shown_url(place)
            # The file is opened here, since webdataset would run a name such as "pipe:..." as a shell command.
            with data_errors(shard, "cannot be read any further"), buffered_place(place) as file:
                members = reader.tar_file_iterator(file, skip_meta=None, select_files=member_kind)
                members = ({**member, "__url__": shard} for member in members)
                for sample in reader.group_by_keys(members, keys=lambda name: (member_key(name), member_kind(name))):
                    if photo := sample.keys() & _PHOTO_KINDS:
                        yield CaptionedPhoto(sample["__key__"], sample[photo.pop()], *sample_text(sample, shard))


def _find_shards(path: str | Path) -> list[str]:
    from braceexpand import braceexpand  # comes with webdataset

    place = str(path)
    if is_folder(path):
        return list(map(str, files_with_suffix(Path(path), ".tar")))
    with data_errors(shown_url(place), "not a pattern like shards-{000..003}.tar"):
        shards = [place] if is_file(path) else list(braceexpand(place))
    if is_remote(place):
        return [found for shard in shards for found in _in_store(shard)]
    if absent := [shard for shard in shards if not is_file(shard)]:
        raise DataError(f"{path}: {len(absent)} of {len(shards)} shards are not there; the first is {absent[0]}")
    return shards


def _in_store(place: str) -> list[str]:
    """A file of a store, or the tars in a folder of it."""
    if not is_store_folder(place):
        return [place]
    return [found for found in listed_store(place) if found.partition("?")[0].lower().endswith(".tar")]


def _scan(shard: str, photos: set[str], texts: set[str]) -> None:
    """Add the keys of a shard's photos and texts to the two sets. Only headers are read, no photo."""
    last, kinds, shown = "", set[str](), shown_url(shard)
    for name in filter(member_kind, _member_names(shard)):
        key, kind = member_key(relative_name(name, shown)), member_kind(name)
        if key != last:
            # webdataset joins neighbours only: a text further down would lose its photo without a word.
            if key in photos or key in texts:
                fix = "keep a key's members side by side (tar --sort=name), and keys unique over all shards"
                raise DataError(
                    f"{shown}: {shortened(name, PATH_CHARACTERS)}: its key came before, apart from here; {fix}"
                )
            last, kinds = key, set()
        if kind in kinds or (kind in _PHOTO_KINDS and not kinds.isdisjoint(_PHOTO_KINDS)):
            raise DataError(
                f"{shown}: {shortened(name, PATH_CHARACTERS)}: a second photo or text for its key; rename one"
            )
        kinds.add(kind)
        (photos if kind in _PHOTO_KINDS else texts).add(key)


def _member_names(shard: str) -> Iterator[str]:
    damaged = data_errors(shown_url(shard), "not a whole, uncompressed tar; fetch or write it again")
    with damaged, buffered_place(shard) as file, tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined] # or all would stay in memory
            if member.isreg():
                yield member.name
        # tarfile takes a cut or broken header for the end, but a whole tar ends with a block of zeros.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end mark")


def _tar_reader() -> Any:
    try:
        from webdataset import tariterators
    except ImportError as error:
        raise DataError('reading .tar shards needs webdataset: pip install "freeseg[train]"') from error
    return tariterators


def member_key(member: str) -> str:
    """The key of a member: its name up to the first dot.

    Example:
        >>> member_key("./a/000.seg.png")
        'a/000'
    """
    path = PurePosixPath(member)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def member_kind(member: str) -> str:
    """The kind of a member: "jpg", "txt" and so on, or "" for one that is skipped, such as the "._000.jpg" of macOS."""
    stem, _, kind = PurePosixPath(member).name.lower().partition(".")
    return kind if stem and kind in (*_PHOTO_KINDS, *TEXT_KINDS) else ""


def sample_text(sample: dict[str, Any], shard: str) -> tuple[tuple[str, ...], str]:
    """The captions and the split of a photo: of the texts beside it, by their kinds, under its key.

    Args:
        sample: "__key__", and the bytes of "txt" and "json" where they are there.
        shard: What errors call the tar file.

    Raises:
        DataError: A text cannot be used.
    """
    where = f"{shard}: {sample['__key__']}"
    record = parse_record(sample["json"], f"{where}.json") if "json" in sample else {"captions": []}
    if "txt" in sample:
        with data_errors(f"{where}.txt", "not UTF-8 text"):
            record["captions"] = sample["txt"].decode("utf-8-sig").split("\n")
    elif "caption" in record:
        record.setdefault("captions", [record["caption"]])
    return captions_and_split(record, f"{where}.json")
