"""Text embeddings on disk: those of a vocabulary are computed once, not once in every process.

What is kept is found by what made it: the text tower's weights, the words, the prompt templates, the versions of
the libraries. Files are named by a hash of these, so that they say nothing of the words, and hold tensors only.

The folder is `freeseg/text` in the user's cache folder. FREESEG_CACHE names another folder in its place; `off` turns
the cache off. Whatever is wrong with the folder or with a file in it costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialised

from freeseg.errors import OutputError
from freeseg.files import atomic_path, is_file

FORMAT = "freeseg-text-1"
VARIABLE = "FREESEG_CACHE"
Rows = NDArray[np.float32]
OFF = ("off", "0", "no", "false")
LIMIT_BYTES = 64_000_000  # some hundreds of vocabularies
# On one core, 40 words in 4 templates take the embedded model 0.6 s and a CLIP ViT-B/16 2 to 20 s, by their length;
# hashing the weights takes 0.1 and 0.3 s, reading the file below 1 ms.
WORTH_SECONDS = 1.0
ABANDONED_SECONDS = 3600.0  # a half-written file this old is of a process that was killed
KEPT = re.compile(r"[0-9a-f]{64}\.safetensors")
HALF_WRITTEN = re.compile(r"\.[0-9a-f]{50}\..*\.part")  # as `atomic_path` names them


def folder() -> Path | None:
    """Where text embeddings are kept; None where they are not."""
    asked = os.environ.get(VARIABLE, "").strip()
    if asked.lower() in OFF:
        return None
    try:
        return (Path(asked).expanduser() if asked else _user_cache() / "freeseg") / "text"
    except RuntimeError:  # a user without a home
        return None


def embeddings(
    model: str | Callable[[], str],
    words: Sequence[str],
    templates: Sequence[str],
    compute: Callable[[], dict[str, Rows]],
) -> dict[str, Rows]:
    """What `compute` gives, from disk where it was computed before.

    It is not kept where that is not worth it (`WORTH_SECONDS`), nor where computing warned of something: the warning
    would be lost the next time.

    Args:
        model: The identity of the text tower and head; "" keeps nothing. A function that gives it is called only
            where there is something to look for or to keep: who never computes for long does not wait for the hash.
        words: The words, one row of every tensor each.
        templates: The prompt templates that they are averaged over.
        compute: Gives named arrays (W, ...).

    Returns:
        The arrays, bit-equal to those computed.
    """
    place = folder()
    if place is None:
        return compute()
    path = _path(place, model, words, templates) if _holds_any(place) else None
    found = _read(path, len(words)) if path else None
    if found is not None:
        return found
    start = time.monotonic()
    with warnings.catch_warnings(record=True) as said:
        computed = compute()
    took = time.monotonic() - start
    for warning in said:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if not said and (took >= WORTH_SECONDS or (path and is_file(path))):
        path = path or _path(place, model, words, templates)
        if path:
            _write(path, computed)
    return computed


def _user_cache() -> Path:
    if asked := os.environ.get("XDG_CACHE_HOME"):
        return Path(asked)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local)
    return Path.home() / ".cache"


@cache
def _versions() -> list[str]:
    return [metadata.version(package) for package in ("freeseg", "tokenizers")]


def _path(place: Path, model: str | Callable[[], str], words: Sequence[str], templates: Sequence[str]) -> Path | None:
    """Where the embeddings of some words are kept; None for a model that nothing tells from others."""
    known = model if isinstance(model, str) else model()
    key = hashlib.sha256(json.dumps([FORMAT, known, list(words), list(templates), _versions()]).encode())
    return place / f"{key.hexdigest()}.safetensors" if known else None


def _holds_any(place: Path) -> bool:
    try:
        return any(KEPT.fullmatch(path.name) for path in place.iterdir())
    except OSError:  # not there yet
        return False


def _read(path: Path, rows: int) -> dict[str, Rows] | None:
    """The tensors of a file; None if it is not there, damaged, or another's."""
    try:
        with safe_open(path, framework="np") as file:
            if (file.metadata() or {}).get(FORMAT) != path.stem:
                return None
            tensors = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118 - no dict
    except (OSError, SafetensorError):
        return None
    if not tensors or any(tensor.shape[:1] != (rows,) for tensor in tensors.values()):
        return None
    with suppress(OSError):
        os.utime(path)  # the one that was used longest ago goes first
    return tensors


def _write(path: Path, tensors: dict[str, Rows]) -> None:
    kept = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with suppress(OutputError, OSError):  # a disk that is full, or read-only: the next process computes again
        with atomic_path(path) as temporary:
            temporary.write_bytes(serialised(kept, {FORMAT: path.stem}))  # its own writing has errors of its own kind
        _trim(path.parent, LIMIT_BYTES)


def _trim(place: Path, limit: int) -> None:
    """Remove what was used longest ago, so that the rest takes at most `limit` bytes. Other files are left alone."""
    used: list[tuple[float, int, Path]] = []
    for path in place.iterdir():
        with suppress(OSError):  # another process may be removing it
            status = path.stat()
            if KEPT.fullmatch(path.name):
                used.append((status.st_mtime, status.st_size, path))
            elif HALF_WRITTEN.fullmatch(path.name) and time.time() - status.st_mtime > ABANDONED_SECONDS:
                path.unlink()
    total = 0
    for _, size, path in sorted(used, reverse=True):
        total += size
        if total > limit:
            with suppress(OSError):
                path.unlink()
