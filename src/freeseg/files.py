"""Writing files so that a kill, a full disk or a Ctrl-C never leaves half of one."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from freeseg.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_ALONE = threading.Lock()
# Unlike Path's, False for a name that no file can have.
exists, is_file, is_folder = os.path.exists, os.path.isfile, os.path.isdir


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to `path` when the block ends well, removed otherwise.

    Parent folders are made. The file is flushed to disk before the rename, so a crash leaves the old
    file or the new one.

    Raises:
        OutputError: The folder cannot be made or written, or the disk is full.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "sub" / "note.txt"
        >>> with atomic_path(target) as temporary:
        ...     _ = temporary.write_text("whole or not at all")
        >>> target.read_text()
        'whole or not at all'
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:50]}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"cannot write to {path.parent}: {reason(error)}; choose another folder") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {reason(error)}; nothing half-written was left") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; bytes of a file's name that are no text become escapes, as JSON has them."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, with any script readable as it is."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """The sha256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable(text: str) -> str:
    """Text that can be written as UTF-8: a file's name may hold bytes that are none.

    Example:
        >>> printable("caf\\udce9")
        'caf?'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def reason(error: OSError) -> str:
    """What went wrong with a file, in words: not every library gives its errors the system's."""
    return error.strerror or str(error)


@contextmanager
def file_lock(path: Path, wait: bool = True) -> Iterator[None]:
    """No other process is in here for this file meanwhile; a kill ends it too. Where there are no locks, none.

    Raises:
        BlockingIOError: Another one is, and this one is not to wait.
    """
    with path.open("rb") as file:  # closing it ends the lock
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            pass
        yield


def escapes_folder(name: str) -> bool:
    """Whether a name is no path inside the folder that it is taken to be in.

    Example:
        >>> [escapes_folder(name) for name in ("a/b.png", "../b.png", "/b.png")]
        [False, True, True]
    """
    path = Path(name)
    return bool(path.anchor) or ".." in path.parts or "\0" in name


def _umask() -> int:
    with _ALONE:  # it can only be read by changing it, for all threads
        mask = os.umask(0)
        os.umask(mask)
    return mask
