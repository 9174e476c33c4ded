"""Opening sources of photos: which kind each path is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from freeseg.data.captions.caption_folder import CAPTIONS_FILE, CaptionFolder
from freeseg.data.captions.photo_folder import PhotoFolder
from freeseg.data.captions.records import describe_content, files_with_suffix
from freeseg.data.captions.source import PhotoSource
from freeseg.data.captions.tar_shards import TarShards
from freeseg.errors import DataError
from freeseg.files import is_file, is_folder
from freeseg.photos import Skipped, photos_in, suffixes
from freeseg.photos.video import is_video
from freeseg.places import is_remote, local_path


def open_sources(paths: Sequence[str | Path], *, without: Path | None = None) -> list[PhotoSource]:
    """Open each path as the kind of source that it is, in the order given.

    A folder with `captions.jsonl` is a `CaptionFolder`. A `.tar` file, a folder of them, or a pattern such as
    `"shards-{000..003}.tar"` is `TarShards`, also in a store (`"s3://bucket/{000..003}.tar"`). Any other folder that
    holds photos is a `PhotoFolder`. What is on this machine may be given as `file://...`.

    Args:
        paths: Paths and patterns; a lone text is one path.
        without: A folder that is left out where it lies inside the others: the one that results are written to.

    Raises:
        DataError: A path is none of these, or its files are not laid out as they should be.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "b.jpg").write_bytes(b"...")
        >>> [source] = open_sources([folder])
        >>> len(source), [photo.key for photo in source]
        (1, ['b.jpg'])
    """
    listed = [paths] if isinstance(paths, str) else paths  # a text is one path, not a list of letters
    return [_open(path, without) for path in listed]


def is_source(given: str) -> bool:
    """Whether a text names what `open_sources` opens, a folder or tar files, and not photos one by one.

    Example:
        >>> is_source("."), is_source("shards-{000..003}.tar"), is_source("cat.jpg"), is_source("shots/*.jpg")
        (True, True, False, False)
    """
    return not given.strip() or given.startswith("pipe:") or given.lower().endswith(".tar") or is_folder(given)


def _open(given: str | Path, without: Path | None) -> PhotoSource:
    if is_remote(str(given)):
        return TarShards(str(given))
    given = local_path(given) if isinstance(given, str) and given.startswith("file://") else given
    path = Path(given)
    if not str(given).strip():  # which `Path` takes for the current folder
        raise DataError("a source is an empty text; name a folder or a tar, or . for the current folder")
    if re.match(r"pipe:|[A-Za-z][A-Za-z0-9+.-]+:/", str(given)):
        raise DataError(
            f"{given}: neither a file nor shards in a store (s3://, gs://); no web page and no pipe is read, "
            "download it first"
        )
    if is_video(path) and not is_folder(path):  # training must find the labelled photos again
        raise DataError(f"{path}: a video; save its frames to a folder first, with freeseg.frames in Python")
    if is_file(path / CAPTIONS_FILE):
        return CaptionFolder(path, without=without)
    skipped = Skipped()
    tars = files_with_suffix(path, ".tar")
    photos = photos_in(path, without=without, skipped=skipped) if is_folder(path) else []
    if tars and photos:
        raise DataError(f"{path}: holds .tar shards and photos ({photos[0].name}); put them in folders of their own")
    if photos:
        return PhotoFolder(path, without=without)
    if tars or (path.suffix.lower() == ".tar" and not is_folder(path)):
        return TarShards(path)
    looked_for = f"{CAPTIONS_FILE}, .tar shards or photos ({' '.join(sorted(suffixes()))})"
    reasons = "".join(f"; {line}" for line in skipped.lines())
    raise DataError(f"{path}: no image-caption pairs; looked for {looked_for}; {describe_content(path)}{reasons}")
