"""Reading and writing files: atomic writing, locks, checksums, and names that may come from anywhere.

Everything is written under a temporary name and renamed when it is complete. So a kill, a full disk or a Ctrl-C leaves
the old file or the new one under the final name, and never half of one.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import io
import json
import os
import re
import secrets
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeseg.errors import FullDiskError, OutputError, reason
from freeseg.system import renames_open_files
from freeseg.urls import shown_url

if TYPE_CHECKING:
    from PIL import Image

_HALF_WRITTEN = re.compile(r"\..+\.[a-z0-9_]{8}\.part")  # the temporary names of `atomic_path`
_ESCAPED_BYTE = re.compile(r"\\u(dc[89a-f][0-9a-f])")  # as "backslashreplace" has it
_UMASK_LOCK = threading.Lock()
FIXES = {  # of what keeps a file from being written
    errno.ENOSPC: "free space, or choose another folder",
    errno.EDQUOT: "free space, or choose another folder",
    errno.EFBIG: "allow larger files (ulimit -f), or choose another disk",
}
# Pillow's options for a PNG of few, even areas, as masks are: nearly as small as by default, for a third of the work.
FLAT_PNG: dict[str, Any] = {"compress_level": 1, "compress_type": zlib.Z_RLE}
# Unlike the methods of Path, these are False for a name that no file can have, such as one of 1,000 characters.
exists, is_file, is_folder = os.path.exists, os.path.isfile, os.path.isdir


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which is renamed to `path` when the block ends without an error.

    Otherwise the temporary file is removed. Parent folders are made. The file is flushed to disk before it is renamed,
    so that a crash leaves the old file or the new one. While the block runs, the temporary file is locked, so that
    `remove_half_written` can tell it from one that a killed process left.

    Raises:
        FullDiskError: The disk is full.
        OutputError: The folder cannot be made or written, or the file cannot have this name.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "sub" / "note.txt"
        >>> with atomic_path(target) as temporary:
        ...     _ = temporary.write_text("whole or not at all")
        >>> target.read_text()
        'whole or not at all'
    """
    unwritable = f"cannot write to {path.parent}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _output_error(error, f"{unwritable}: {reason(error)}; choose another folder") from error
    # Its name is known before it is there, or a Ctrl-C in between would leave it.
    temporary = path.parent / f".{path.name[:50]}.{secrets.token_hex(4)}.part"
    try:
        with _locked(_make(temporary, unwritable)):
            yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        fix = FIXES.get(error.errno or 0, "choose another folder")
        message = f"cannot write {path}: {reason(error)}; nothing half-written was left: {fix}"
        raise _output_error(error, message) from error
    finally:
        temporary.unlink(missing_ok=True)


def _make(path: Path, unwritable: str) -> int:
    """Make a new file; gives its handle, or raises an error that begins with what is `unwritable`."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _output_error(error, f"{unwritable}: {reason(error)}; choose another folder") from error


def _output_error(error: OSError, message: str) -> OutputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return FullDiskError(message) if full else OutputError(message)


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    """Hold the lock of an open file, and close the file at the end.

    Where an open file cannot be removed it needs no lock, and a lock would keep others of our own handles from it.
    """
    try:
        if renames_open_files():
            _lock(handle, wait=False)
        yield
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes atomically.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically.

    Bytes of a file's name that are not text are written as escapes, as JSON has them.

    Raises:
        OutputError: The file cannot be written.
    """
    write_bytes(path, text_bytes(text))


def text_bytes(text: str) -> bytes:
    r"""Text as UTF-8, where bytes of a file's name that are not text are escapes, as JSON has them.

    Example:
        >>> text_bytes("caf\udce9")
        b'caf\\udce9'
    """
    return text.encode("utf-8", "backslashreplace")


def with_own_bytes(name: str) -> str:
    r"""A file's name in which `text_bytes` wrote escapes, as it was before.

    Example:
        >>> with_own_bytes("caf\\udce9") == "caf\udce9"
        True
    """
    return _ESCAPED_BYTE.sub(lambda escape: chr(int(escape[1], 16)), name)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, as `json_text` has it.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(path, json_text(value))


def parse_json(text: str | bytes) -> Any:
    """The value that JSON holds.

    Raises:
        ValueError: It is no JSON, or is nested so deeply that nobody can have meant it.

    Example:
        >>> parse_json('{"id": 7}'), parse_json("[" * 100_000)
        Traceback (most recent call last):
        ValueError: it is nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def json_text(value: Any) -> str:
    """A value as JSON, indented by two spaces; letters of every script stay readable.

    NumPy's numbers are written as numbers.

    Example:
        >>> import numpy as np
        >>> print(json_text({"id": np.int64(7)}), end="")
        {
          "id": 7
        }
    """
    return json.dumps(value, indent=2, ensure_ascii=False, default=plain_number) + "\n"


def write_picture(path: Path, image: Image.Image, format: str, **options: Any) -> None:
    """Encode a picture and write it atomically.

    It is encoded into memory first: Pillow writes JPEGs past Python's file object and overlooks a short write, so
    that on a full disk a truncated file would look complete.

    Args:
        path: Where to; parent folders are made.
        image: The picture, in a mode that the format can hold.
        format: Pillow's name of the format: "JPEG", "PNG", ...
        **options: Pillow's options of that format, such as `quality`.

    Raises:
        OutputError: The file cannot be written.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> path = Path(tempfile.mkdtemp()) / "red.png"
        >>> write_picture(path, Image.new("RGB", (4, 3), "red"), "PNG")
        >>> Image.open(path).size
        (4, 3)
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(encode_picture(image, format, **options))


def encode_picture(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of a picture's file; the arguments are those of `write_picture`."""
    encoded = io.BytesIO()
    image.save(encoded, format=format, **options)
    return encoded.getvalue()


def check_folder(folder: Path) -> None:
    """Check that files can be written to a folder, which need not be there yet.

    Raises:
        OutputError: They cannot.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    problem = "" if os.access(there, os.W_OK | os.X_OK) else "Permission denied"
    problem = problem if is_folder(there) else "Not a directory"
    if problem:
        raise OutputError(f"cannot write to {path_for_message(folder)}: {problem}; choose another folder")


def remove_half_written(folder: Path, *, recursive: bool) -> None:
    """Remove the temporary files that a killed process left in a folder, and below it where `recursive`.

    Those that another process is writing at this moment are left alone.
    """
    for path in folder.rglob(".*.part") if recursive else folder.glob(".*.part"):
        if _HALF_WRITTEN.fullmatch(path.name):
            with suppress(OSError):  # it is gone, being written, or somebody else's
                with file_lock(path, wait=False):  # it is locked as soon as it is made, and never again
                    pass
                path.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 if it begins with their byte order mark.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no text; the message says what was expected.
    """
    content = path.read_bytes()
    try:
        text = content.decode(encoding_by_mark(content) or "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError("it is no text in UTF-8; save it as UTF-8")
    return text


def encoding_by_mark(content: bytes) -> str | None:
    """The encoding that the byte order mark at the start of a text tells; None for UTF-8 and for no mark.

    Example:
        >>> encoding_by_mark("cat".encode("utf-16")), encoding_by_mark(b"cat")
        ('utf-16', None)
    """
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}  # before UTF-16, whose mark one begins with
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    return next((encoding for mark, encoding in marks.items() if content.startswith(mark)), None)


def sha256(path: Path) -> str:
    """The sha256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bytes_sha256(content: bytes) -> str:
    """The sha256 of bytes as 64 hex digits.

    Example:
        >>> bytes_sha256(b"")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def printable(text: str) -> str:
    r"""Text that can be written as UTF-8: bytes of a file's name that are not text become question marks.

    Example:
        >>> printable("caf\udce9")
        'caf?'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def name_in_file(text: str) -> str:
    """A text, such as a label, as a part of a file's name on any system: letters, digits and hyphens.

    It has at most 40 characters, and so at most 160 bytes; two texts may become the same.

    Example:
        >>> name_in_file("../potted plant")
        'potted-plant'
    """
    kept = "".join(letter if letter.isalnum() else "-" for letter in text)
    return "-".join(filter(None, kept.split("-")))[:40] or "label"


def path_for_message(path: str | os.PathLike[str]) -> str:
    r"""A path on one line, quoted and escaped if it holds a line break or bytes that are not text.

    A URL stands there with both slashes, and without its query.

    Example:
        >>> path_for_message("a/b.jpg"), path_for_message("a\nb.jpg")
        ('a/b.jpg', "'a\\nb.jpg'")
    """
    text = shown_url(os.fsdecode(path))
    return text if text.isprintable() else repr(text)


@contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file: no other process that asks for it goes on until this block ends.

    The end of the process ends the lock too, even a kill. On a file system without locks nothing is locked.

    Args:
        path: A file that exists. Nobody should need to read it meanwhile: on Windows, nobody can.
        wait: Whether to wait for a process that has the lock.

    Raises:
        BlockingIOError: Another process has the lock, and `wait` is False.
    """
    with path.open("rb") as file:  # closing it ends the lock
        if not _lock(file.fileno(), wait=wait):
            raise BlockingIOError(f"another process has the lock of {path}")
        yield


def _lock(handle: int, *, wait: bool) -> bool:
    """Lock an open file until it is closed; gives whether that is done, or is not possible on its file system."""
    from filelock import lock_descriptor  # not before something is written: it takes as long to import as a small photo

    try:
        return lock_descriptor(handle, blocking=wait)
    except OSError:  # a file system without locks
        return True


def escapes_folder(name: str) -> bool:
    """Whether a relative path could lead out of the folder that it is meant to be in.

    Links are not followed; a name with a zero byte, which no file can have, counts as one that leads out.

    Example:
        >>> [escapes_folder(name) for name in ("a/b.png", "../b.png", "/b.png")]
        [False, True, True]
    """
    path = Path(name)
    return bool(path.anchor) or ".." in path.parts or "\0" in name


def plain_number(value: Any) -> Any:
    """A number of NumPy as one of Python; `json` asks for what it does not know."""
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _umask() -> int:
    """The permissions that new files do not get."""
    with _UMASK_LOCK:  # it can be read only by changing it, and it is one for all threads
        mask = os.umask(0)
        os.umask(mask)
    return mask
