"""Files in the hub's cache: that they are what the hub lists, and that they lie inside the cache."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from freeseg.errors import WeightsError, shortened
from freeseg.files import sha256

_SHA256 = re.compile("[0-9a-f]{64}")
_GIT = re.compile("[0-9a-f]{40}")
_ETAG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_PATCHING = threading.RLock()


def check_blobs(folder: Path, names: Iterable[str], *, listed: Mapping[str, str] | None = None) -> None:
    """Check files of a snapshot in the hub's cache against their sha256, or git's hash, which the cache names them by.

    Each is read once in a process.

    Args:
        folder: The snapshot.
        names: Of the files in it.
        listed: What the hub lists beside: name -> sha256.

    Raises:
        WeightsError: A file was altered or cut short; the message says which one to remove.
    """
    for name in names:
        blob = (folder / name).resolve()
        expected = (listed or {}).get(name) or (blob.name if _SHA256.fullmatch(blob.name) else "")
        info = blob.stat()
        stamp = (info.st_size, info.st_mtime_ns)
        altered = expected != "" and _sha256(blob, stamp) != expected
        if not expected and _GIT.fullmatch(blob.name):
            altered = _git_hash(blob, stamp) != blob.name
        if altered:
            raise WeightsError(
                f"{blob} is not the {name} that the hub lists (altered or cut short); remove this file, and fetch again"
            )


@contextmanager
def checked_etags() -> Iterator[None]:
    """Refuse an answer of the hub whose ETag could lead out of the cache, in which huggingface_hub names files by it.

    Raises:
        WeightsError: There was such an answer; nothing was written for it.
    """
    from huggingface_hub import file_download  # it takes long to import, and a model that is embedded needs no hub

    def metadata(*args: Any, **options: Any) -> Any:
        found = original(*args, **options)
        if found.etag is not None and not _ETAG.fullmatch(found.etag):
            raise WeightsError(
                f"the hub names a file {shortened(found.etag)}, which is no hash; it is not fetched: check HF_ENDPOINT"
            )
        return found

    with _PATCHING:
        original = file_download.get_hf_file_metadata
        file_download.get_hf_file_metadata = metadata
        try:
            yield
        finally:
            file_download.get_hf_file_metadata = original


@lru_cache(maxsize=256)
def _sha256(path: Path, stamp: tuple[int, int]) -> str:
    return sha256(path)


@lru_cache(maxsize=256)
def _git_hash(path: Path, stamp: tuple[int, int]) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
