"""Photos with captions, to train a dense image-text model on: jsonl folders, webdataset shards, plain folders.

Every source checks its layout when it is opened, so that a mistake shows before a training starts, and
then streams: one photo's bytes at a time, always in the same order, as often as it is iterated.
"""

from __future__ import annotations

import json
import os.path
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple, Protocol

from freeseg.errors import DataError
from freeseg.files import is_file, is_folder
from freeseg.photos import SUFFIXES, FoundPhoto, photos_in

SPLITS = ("train", "dev", "test", "none")
_TAR_PHOTOS = ("jpg", "jpeg", "png", "webp")


class CaptionedPhoto(NamedTuple):
    """A photo and the captions that describe it.

    Example:
        >>> CaptionedPhoto("a.jpg", b"...", ("a red kite",), "train").captions
        ('a red kite',)
    """

    key: str  # unique within its source, the same on every run: a file name, or the key of a tar member
    image: bytes  # the photo's file as it is, not decoded
    captions: tuple[str, ...]  # stripped, none of them empty; () for an unlabelled photo
    split: str  # one of SPLITS


class PhotoSource(Protocol):
    """Photos with captions, from anywhere. `open_sources` has an example."""

    name: str  # for messages and reports: the folder's or the shards' own name

    def __len__(self) -> int: ...  # how many photos
    def keys(self) -> Iterable[str]: ...  # of all of them, without reading one
    def __iter__(self) -> Iterator[CaptionedPhoto]: ...  # in an order that never changes


def open_sources(paths: Sequence[str | Path], without: Path | None = None) -> list[PhotoSource]:
    """Open each path as the kind of source that it is, in the order given.

    A folder with `captions.jsonl` is a `CaptionFolder`; a `.tar` file, a folder of them or a pattern such
    as `"shards-{000..003}.tar"` is `TarShards`; a folder that holds photos is a `PhotoFolder`. A folder `without`
    inside of it (where results go) is left out.

    Raises:
        DataError: A path is none of these, or its content is not in the layout it should be in.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "b.jpg").write_bytes(b"...")
        >>> [source] = open_sources([folder])
        >>> len(source), [pair.key for pair in source]
        (1, ['b.jpg'])
    """
    # A lone string is a sequence of its letters: take it as the one path that was meant.
    return [_open(path, without) for path in ([paths] if isinstance(paths, str) else paths)]


class CaptionFolder:
    """`FOLDER/captions.jsonl` with photos in `FOLDER/images/` or in `FOLDER/` itself.

    Each line is an object with "file", "captions" (a list of strings, which may be empty) and, optionally,
    "split" ("train" when left out). Photos that no line names are not read; `photos_without_line` counts them, but
    for those in a folder `without`.

    Raises:
        DataError: A line that cannot be used (by number), or a photo that is not there.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.jpg").write_bytes(b"...")
        >>> _ = (folder / "captions.jsonl").write_text('{"file": "a.jpg", "captions": ["a red kite"]}')
        >>> list(CaptionFolder(folder))
        [CaptionedPhoto(key='a.jpg', image=b'...', captions=('a red kite',), split='train')]
    """

    def __init__(self, folder: str | Path, without: Path | None = None) -> None:
        self.name = Path(folder).resolve().name
        self._entries = _read_jsonl(Path(folder))
        photos = {os.path.realpath(photo.path) for photo in photos_in(Path(folder), without=without)}
        self.photos_without_line = len(photos.difference(map(os.path.realpath, self._entries)))

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> Iterable[str]:
        return [key for key, _, _ in self._entries.values()]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        for photo, (key, captions, split) in self._entries.items():
            yield CaptionedPhoto(key, _read(photo), captions, split)


class TarShards:
    """Webdataset shards: a `.tar` file, a folder of them, or a pattern such as `"shards-{000..003}.tar"`.

    A photo is `KEY.jpg`, `.jpeg`, `.png` or `.webp`; the text beside it is `KEY.txt` (a caption a line) or
    `KEY.json` ({"caption": str} or {"captions": [str]}, optionally "split"). Where there are both, as
    img2dataset writes them, the captions are those of `KEY.txt`. As everywhere in webdataset a key ends
    at the first dot of the file name. Other members are skipped unread: nothing is ever unpickled.
    Texts without a photo are left out.

    Raises:
        DataError: When opened: webdataset is missing, or a shard is missing, damaged or laid out in
            another way. While iterating: a text that cannot be used.

    Example:
        >>> import tempfile, webdataset
        >>> shard = Path(tempfile.mkdtemp()) / "000.tar"
        >>> with webdataset.TarWriter(str(shard)) as tar:
        ...     _ = tar.write({"__key__": "a", "jpg": b"...", "txt": "a red kite"})
        >>> list(TarShards(shard))
        [CaptionedPhoto(key='a', image=b'...', captions=('a red kite',), split='train')]
    """

    def __init__(self, path: str | Path) -> None:
        self.name = Path(path).resolve().name
        _tar_reader()  # when it is missing, say so now and not when the training starts
        self._shards = _find_shards(path)
        photos, texts = set[str](), set[str]()
        for shard in self._shards:
            _scan(shard, photos, texts)
        if not photos:
            raise DataError(f"{path}: no photo (KEY.{', KEY.'.join(_TAR_PHOTOS)}) in {len(self._shards)} shards")
        self._keys = photos

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> Iterable[str]:
        return self._keys

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        reader = _tar_reader()
        for shard in map(str, self._shards):
            # Opened here, not by webdataset, which would run a "pipe:" name as a shell command.
            with _explain(shard, "cannot be read any further"), Path(shard).open("rb") as file:
                members = reader.tar_file_iterator(file, skip_meta=None, select_files=_kind)
                members = ({**member, "__url__": shard} for member in members)
                for sample in reader.group_by_keys(members, keys=lambda name: (_key(name), _kind(name))):
                    if photo := sample.keys() & _TAR_PHOTOS:
                        yield CaptionedPhoto(sample["__key__"], sample[photo.pop()], *_tar_text(sample, shard))


class PhotoFolder:
    """The photos in a folder and its subfolders, in any of `images.SUFFIXES`. No captions, split "train".

    Args:
        folder: The folder.
        without: A folder in it that is left out.

    Raises:
        DataError: There is no photo in it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "b.jpg").write_bytes(b"...")
        >>> list(PhotoFolder(folder))
        [CaptionedPhoto(key='b.jpg', image=b'...', captions=(), split='train')]
    """

    def __init__(self, folder: str | Path, without: Path | None = None) -> None:
        self.name = Path(folder).resolve().name
        self._photos = _photos(Path(folder), without)
        if not self._photos:
            raise DataError(f"{folder}: no photo ({' '.join(sorted(SUFFIXES))}) in it; {_found(Path(folder))}")

    def __len__(self) -> int:
        return len(self._photos)

    def keys(self) -> Iterable[str]:
        return [photo.name.as_posix() for photo in self._photos]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        for photo in self._photos:
            yield CaptionedPhoto(photo.name.as_posix(), _read(photo.path), (), "train")


def _open(given: str | Path, without: Path | None) -> PhotoSource:
    path = Path(given)
    if re.match(r"pipe:|[A-Za-z][A-Za-z0-9+.-]+:/", str(given)):
        raise DataError(f"{given}: only local files are read, no URL and no pipe; download it first")
    if is_file(path / "captions.jsonl"):
        return CaptionFolder(path, without)
    tars, photos = _files(path, ["tar"]), _photos(path, without)
    if tars and photos:
        raise DataError(f"{path}: holds .tar shards and photos ({photos[0].name}); put them in folders of their own")
    if photos:
        return PhotoFolder(path, without)
    if tars or (path.suffix.lower() == ".tar" and not is_folder(path)):
        return TarShards(path)
    looked_for = f"captions.jsonl, .tar shards or photos ({' '.join(sorted(SUFFIXES))})"
    raise DataError(f"{path}: no image-caption pairs; looked for {looked_for}; {_found(path)}")


def _read_jsonl(folder: Path) -> dict[Path, tuple[str, tuple[str, ...], str]]:
    """photo -> key, captions, split; in the order of the lines."""
    file = folder / "captions.jsonl"
    entries: dict[Path, tuple[str, tuple[str, ...], str]] = {}
    for number, line in enumerate(_read(file).split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        record = _parse(line, where)
        key = _local_name(record.get("file"), where)
        photo = folder / "images" / key
        photo = photo if is_file(photo) else folder / key
        if photo in entries:
            raise DataError(f"{where}: {key!r} is listed twice; put all captions of a photo in one line")
        entries[photo] = (key, *_captions_and_split(record, where))
    if not entries:
        raise DataError(f"{file}: empty; it needs a line for each photo")
    if absent := [key for photo, (key, _, _) in entries.items() if not is_file(photo)]:
        raise DataError(f"{file}: {len(absent)} of {len(entries)} photos are not there; the first is {absent[0]!r}")
    return entries


def _find_shards(path: str | Path) -> list[Path]:
    from braceexpand import braceexpand  # comes with webdataset

    if is_folder(path):
        return _files(Path(path), ["tar"])
    with _explain(path, "not a pattern like shards-{000..003}.tar"):
        shards = [Path(path)] if is_file(path) else [Path(shard) for shard in braceexpand(str(path))]
    if absent := [shard for shard in shards if not is_file(shard)]:
        raise DataError(f"{path}: {len(absent)} of {len(shards)} shards are not there; the first is {absent[0]}")
    return shards


def _scan(shard: Path, photos: set[str], texts: set[str]) -> None:
    """Add the keys of a shard's photos and texts, from its headers alone: no photo is read."""
    last, kinds = "", set[str]()
    for name in filter(_kind, _member_names(shard)):
        key, kind = _key(_local_name(name, str(shard))), _kind(name)
        if key != last:
            # webdataset joins neighbours only: further down, a text would silently lose its photo.
            if key in photos or key in texts:
                fix = "keep a key's members side by side (tar --sort=name), and keys unique over all shards"
                raise DataError(f"{shard}: {name!r}: its key came before, apart from here; {fix}")
            last, kinds = key, set()
        if kind in kinds or (kind in _TAR_PHOTOS and not kinds.isdisjoint(_TAR_PHOTOS)):
            raise DataError(f"{shard}: {name!r}: a second photo or text for the key {key!r}; rename one")
        kinds.add(kind)
        (photos if kind in _TAR_PHOTOS else texts).add(key)


def _member_names(shard: Path) -> Iterator[str]:
    broken = _explain(shard, "not a whole, uncompressed tar; fetch or write it again")
    with broken, shard.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
        yield from (member.name for member in tar if member.isreg())
        # tarfile takes a cut or broken header for the end; a whole tar ends with a block of zeros.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end mark")


def _tar_reader() -> Any:
    try:
        from webdataset import tariterators
    except ImportError as error:
        raise DataError('reading .tar shards needs webdataset: pip install "freeseg[train]"') from error
    return tariterators


def _key(member: str) -> str:
    path = PurePosixPath(member)  # "./a/000.seg.png" -> "a/000"
    return (path.parent / path.name.partition(".")[0]).as_posix()


def _kind(member: str) -> str:
    """ "jpg", "txt" and so on; "" for a member that is not wanted, such as the "._000.jpg" of macOS."""
    stem, _, kind = PurePosixPath(member).name.lower().partition(".")
    return kind if stem and kind in (*_TAR_PHOTOS, "txt", "json") else ""


def _tar_text(sample: dict[str, Any], shard: str) -> tuple[tuple[str, ...], str]:
    where = f"{shard}: {sample['__key__']}"
    record = _parse(sample["json"], f"{where}.json") if "json" in sample else {"captions": []}
    if "txt" in sample:
        with _explain(f"{where}.txt", "not UTF-8 text"):
            record["captions"] = sample["txt"].decode("utf-8-sig").split("\n")
    elif "caption" in record:
        record.setdefault("captions", [record["caption"]])
    return _captions_and_split(record, f"{where}.json")


def _parse(line: bytes, where: str) -> dict[str, Any]:
    with _explain(where, "not a JSON object in UTF-8"):
        record = json.loads(line.decode("utf-8-sig"))
        if not isinstance(record, dict):
            raise ValueError(f"it is a {type(record).__name__}")
        return record


def _captions_and_split(record: dict[str, Any], where: str) -> tuple[tuple[str, ...], str]:
    captions, split = record.get("captions"), record.get("split", "train")
    if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
        raise DataError(f'{where}: {"no" if captions is None else "bad"} "captions"; it must be a list of strings')
    if split not in SPLITS:
        raise DataError(f"{where}: unknown split {split!r}; use one of {', '.join(SPLITS)}")
    # Half of an emoji (a lone surrogate, which JSON can spell) is a str that no tokenizer can encode.
    encodable = (caption.encode("utf-8", "replace").decode().strip() for caption in captions)
    return tuple(caption for caption in encodable if caption), split


def _local_name(name: object, where: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise DataError(f'{where}: {"no" if name is None else "bad"} "file"; it must be the name of a photo')
    if PureWindowsPath(name).anchor or ".." in PureWindowsPath(name).parts:  # it knows both / and \
        raise DataError(f"{where}: {name!r} leads out of the folder; name photos relative to it, without ..")
    return PurePosixPath(name).as_posix()


def _photos(folder: Path, without: Path | None) -> list[FoundPhoto]:
    """The photos in a folder and below it; none for what is no folder, or holds none."""
    return photos_in(folder, without=without) if is_folder(folder) else []


def _files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    endings = tuple(f".{suffix}" for suffix in suffixes)
    entries = folder.glob("[!.]*") if is_folder(folder) else ()
    return sorted(path for path in entries if path.name.lower().endswith(endings) and is_file(path))


def _read(file: Path) -> bytes:
    with _explain(file, "cannot be read"):
        return file.read_bytes()


@contextmanager
def _explain(where: str | Path, what: str) -> Iterator[None]:
    """Turn whatever reading throws into one line that says where."""
    try:
        yield
    except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: {what}: {error}") from error


def _found(path: Path) -> str:
    entries = path.glob("*") if is_folder(path) else [path] if is_file(path) else []
    names = sorted(entry.name for entry in entries)
    return f"found {', '.join(names[:3]) or 'nothing'}" + f" and {len(names) - 3} more" * (len(names) > 3)
