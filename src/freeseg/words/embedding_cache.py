"""Text embeddings on disk: those of a word are computed once, not once in every process or vocabulary.

An embedding is found by what made it: the text tower's weights, the word, the prompt templates, the versions of the
libraries. The cache is one SQLite file. It holds hashes and numbers, so that it says nothing of the words.

The file is `words.sqlite` in `system.cache_folder()`. Whatever is wrong with it costs time only: each entry has a
checksum, a damaged one is computed anew, and a file that is no database is replaced.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.files import is_file
from freeseg.system import cache_folder
from freeseg.words.embedded import WordEmbeddings

FORMAT = "freeseg-words-1"
FILE = "words.sqlite"
MAX_WORDS = 20_000  # entries of about 3 KB
# On one core, 40 words in 4 templates take the embedded model 0.6 s and a CLIP ViT-B/16 2 to 20 s, by their length;
# hashing the weights takes 0.1 and 0.3 s, reading them back some milliseconds.
WORTH_SECONDS = 0.3
PATIENCE_SECONDS = 5.0  # how long to wait for another process that writes
CHUNK = 500  # keys in one question to the database
DAY_SECONDS = 86_400.0  # how exactly it is known when an entry was last used
CREATE = """
CREATE TABLE IF NOT EXISTS words (
    key TEXT PRIMARY KEY, joint BLOB NOT NULL, tower BLOB NOT NULL, checksum BLOB NOT NULL, used REAL NOT NULL
)
"""

Compute = Callable[[Sequence[str]], WordEmbeddings]


def cached_embeddings(
    identity: str | Callable[[], str],
    words: Sequence[str],
    templates: Sequence[str],
    compute: Compute,
    *,
    never: Callable[[Sequence[str]], Iterable[str]] | None = None,
    worth_seconds: float | None = None,
) -> WordEmbeddings:
    """The embeddings of words, from disk as far as they are there; `compute` gives the others.

    What was computed quickly is not kept (`WORTH_SECONDS`), unless there is a cache already; nor is that of which
    `compute` warned, since the warning would be lost the next time.

    Args:
        identity: What the embeddings depend on besides words and templates, as text; "" keeps nothing. A function that
            gives it is called only where there is something to look for or to keep, since hashing weights takes time.
        words: W words.
        templates: The prompt templates that they are averaged over.
        compute: Gives the embeddings of some of the words.
        never: Those of words that were just computed which are not kept; None for none of them.
        worth_seconds: What took less time begins no cache; None for `WORTH_SECONDS`.

    Returns:
        joint (W, D) and tower (W, T), bit-equal to those computed.
    """
    place = cache_folder()
    if place is None:
        return compute(words)
    path = place / FILE
    if not is_file(path):
        computed, seconds, warned = _timed(compute, words)
        worth = WORTH_SECONDS if worth_seconds is None else worth_seconds
        if seconds >= worth and not warned and (keys := _keys(identity, words, templates)):
            _write(path, _without(_entries(keys, computed), keys, words, never))
        return computed
    keys = _keys(identity, words, templates)
    if not keys:
        return compute(words)
    found = _read(path, keys)
    if missing := [place for place, key in enumerate(keys) if key not in found]:
        new_words, new_keys = ([each[place] for place in missing] for each in (words, keys))
        computed, _, warned = _timed(compute, new_words)
        fresh = _entries(new_keys, computed)
        if not warned:
            _write(path, _without(fresh, new_keys, new_words, never))
        found |= fresh
    return WordEmbeddings(*(np.stack(rows) for rows in zip(*(found[key].vectors() for key in keys), strict=True)))


class _Entry(NamedTuple):
    """The vectors of a word, as bytes of float32."""

    joint: bytes
    tower: bytes

    @classmethod
    def of(cls, joint: NDArray[np.float32], tower: NDArray[np.float32]) -> _Entry:
        return cls(joint.astype(np.float32).tobytes(), tower.astype(np.float32).tobytes())

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.frombuffer(self.joint, np.float32), np.frombuffer(self.tower, np.float32)

    def is_whole(self, key: str, checksum: bytes) -> bool:
        """Whether an entry is what was written under its key; a damaged file may hold anything, of any type."""
        return all(isinstance(part, bytes) for part in self) and self.checksum(key) == checksum

    def checksum(self, key: str) -> bytes:
        return hashlib.blake2b(b"".join((key.encode(), self.joint, self.tower)), digest_size=16).digest()


def _entries(keys: Sequence[str], embeddings: WordEmbeddings) -> dict[str, _Entry]:
    return {key: _Entry.of(*vectors) for key, *vectors in zip(keys, *embeddings, strict=True)}


def _without(
    entries: Mapping[str, _Entry],
    keys: Sequence[str],
    words: Sequence[str],
    never: Callable[[Sequence[str]], Iterable[str]] | None,
) -> Mapping[str, _Entry]:
    """The entries but those of words that are never kept."""
    left_out = set(never(words)) if never else set()
    return {key: entries[key] for key, word in zip(keys, words, strict=True) if word not in left_out}


def _timed(compute: Compute, words: Sequence[str]) -> tuple[WordEmbeddings, float, bool]:
    """What `compute` gives, the seconds it took, and whether it warned; its warnings are given again."""
    start = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        computed = compute(words)
    seconds = time.monotonic() - start
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return computed, seconds, bool(caught)


def _keys(identity: str | Callable[[], str], words: Sequence[str], templates: Sequence[str]) -> list[str]:
    """The key of each word's entry; no keys for a model that nothing tells from others."""
    known = identity if isinstance(identity, str) else identity()
    whole = [FORMAT, known, list(templates), _version()]
    return [hashlib.sha256(json.dumps([*whole, word]).encode()).hexdigest() for word in words] if known else []


@cache
def _version() -> str:
    return metadata.version("freeseg")


def _read(path: Path, keys: Sequence[str]) -> dict[str, _Entry]:
    """The entries that are there and whole, by their keys; none from a file that cannot be read."""
    found: dict[str, _Entry] = {}
    now = time.time()
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as database:
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            marks = ", ".join("?" * len(part))
            rows = database.execute(f"SELECT key, joint, tower, checksum FROM words WHERE key IN ({marks})", part)  # noqa: S608 - question marks only
            entries = {key: (_Entry(joint, tower), checksum) for key, joint, tower, checksum in rows}
            found |= {key: entry for key, (entry, checksum) in entries.items() if entry.is_whole(key, checksum)}
            with database:
                database.execute(
                    f"UPDATE words SET used = ? WHERE used < ? AND key IN ({marks})",  # noqa: S608
                    [now, now - DAY_SECONDS, *part],
                )
    return found


def _write(path: Path, entries: Mapping[str, _Entry]) -> None:
    """Keep entries; those that were used longest ago go. A disk that is full or read-only costs time only."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _insert(path, entries)
    except sqlite3.OperationalError:  # the disk is full or read-only, or another process writes for long
        return
    except sqlite3.DatabaseError:  # the file is damaged, or no database
        with suppress(OSError, sqlite3.Error):
            path.unlink()
            _insert(path, entries)


def _insert(path: Path, entries: Mapping[str, _Entry]) -> None:
    now = time.time()
    with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as database, database:
        database.execute(CREATE)
        rows = [(key, entry.joint, entry.tower, entry.checksum(key), now) for key, entry in entries.items()]
        database.executemany("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?, ?)", rows)
        newest = "SELECT key FROM words ORDER BY used DESC LIMIT ?"
        database.execute(f"DELETE FROM words WHERE key NOT IN ({newest})", [MAX_WORDS])  # noqa: S608
