"""Files on this machine and in stores (`s3://`, `gs://`, ...), by one way of naming them."""

from __future__ import annotations

import codecs
import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from freeseg.errors import FreeSegError, PhotoError, reason
from freeseg.files import encoding_by_mark, path_for_message
from freeseg.urls import is_url

Result = TypeVar("Result")

STORE_BUFFER = 1 << 23  # bytes
PAUSES = (0.1, 0.5, 2.0)  # seconds, before a store that failed is asked again
_WEB = ("http://", "https://")


class Store(NamedTuple):
    """A file system of pyarrow, and a path in it."""

    system: Any
    path: str


def is_remote(place: str) -> bool:
    """Whether a place is in a store, and neither on this machine nor a web page.

    Example:
        >>> is_remote("s3://bucket/photos"), is_remote("photos"), is_remote("https://example.org/cat.jpg")
        (True, False, False)
    """
    return is_url(place) and not place.startswith((*_WEB, "file://"))


def local_path(place: str) -> str:
    """The absolute path of a place on this machine, which may be given as `file://...`.

    Example:
        >>> local_path("file:///photos/cat.jpg")
        '/photos/cat.jpg'
    """
    return os.path.abspath(place.removeprefix("file://"))  # noqa: PTH100 - links stay what they are


def store_of(place: str) -> Store:
    """The store that a place is in, and its path there.

    Raises:
        FreeSegError: There is no such kind of store, or it refuses.
    """
    scheme, _, rest = place.partition("://")
    bucket = rest.partition("/")[0]
    query = place.partition("?")[2]
    system, _ = _system(f"{scheme}://{bucket}" + (f"?{query}" if query else ""))
    return Store(system, rest.removeprefix(_user(place)).partition("?")[0].rstrip("/"))


def _user(place: str) -> str:
    """Who asks the store, as a URL has it: `KEY:SECRET@`, or nothing."""
    return "".join(place.partition("://")[2].partition("/")[0].rpartition("@")[:2])


@lru_cache(maxsize=8)
def _system(bucket: str) -> tuple[Any, str]:
    """The file system that a bucket is in; asking for it may cost a request."""
    from pyarrow import ArrowException, fs

    try:
        system, path = fs.FileSystem.from_uri(bucket)
    except (OSError, ArrowException) as error:
        raise FreeSegError(
            f"cannot open {path_for_message(bucket)}: {reason(error)}; check its name, the network and your rights"
        ) from error
    return system, path


@contextmanager
def opened_place(place: str) -> Iterator[Any]:
    """A file, open for reading, with `read`, `seek` and `tell`.

    Raises:
        OSError: It cannot be opened.
        FreeSegError: Its store cannot be opened.
    """
    if is_remote(place):
        store = store_of(place)
        with _asked_again(lambda: store.system.open_input_file(store.path)) as file:
            yield _PatientFile(file)
    else:
        with open(local_path(place), "rb") as file:  # noqa: PTH123 - also names that are no text
            yield file


class _PatientFile(io.RawIOBase):
    """A file in a store that is asked again where it fails.

    The clients of stores do so by themselves, but for one case: where a store that is too busy says so in more bytes
    than were asked for, that of Amazon's takes it for damage.

    Args:
        file: As pyarrow opened it.
    """

    def __init__(self, file: Any):
        self._file, self._size, self._place = file, int(file.size()), 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The byte that is read next."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Read as many bytes as there is room for, and as there are."""
        content = self._next(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes, or the rest, in one request."""
        return self._next(self._size if size is None or size < 0 else size)

    def _next(self, most: int) -> bytes:
        count = max(0, min(most, self._size - self._place))
        content = bytes(_asked_again(lambda: self._file.read_at(count, self._place))) if count else b""
        self._place += len(content)
        return content


def _asked_again(ask: Callable[[], Result]) -> Result:
    """What a store answers, which is asked again some times where it fails, but not where it refuses."""
    for pause in PAUSES:
        try:
            return ask()
        except OSError as error:
            if isinstance(error, FileNotFoundError) or "ACCESS_DENIED" in str(error):
                raise
        time.sleep(pause)
    return ask()


@contextmanager
def buffered_place(place: str) -> Iterator[Any]:
    """A file, open for reading from its beginning to its end: a store is asked for megabytes, not for single headers.

    Raises:
        OSError: It cannot be opened.
        FreeSegError: Its store cannot be opened.
    """
    with opened_place(place) as file:
        yield io.BufferedReader(file, STORE_BUFFER) if is_remote(place) else file


def lines_of(place: str, block: int = 1 << 20) -> Iterator[bytes]:
    """The lines of a file, without their ends and without the mark of UTF-8, some bytes at a time.

    Of a text that begins with the mark of UTF-16 or UTF-32, as PowerShell writes it, they are given in UTF-8.

    Raises:
        OSError: It cannot be opened.
        FreeSegError: Its store cannot be opened.
    """
    rest = b""
    with opened_place(place) as file:
        encoding = encoding_by_mark(file.read(4))
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        while content := file.read(block):
            text = decoder.decode(content).encode() if decoder else content
            *lines, rest = (rest + text).split(b"\n")
            yield from map(_without_ends, lines)
    yield _without_ends(rest)


def _without_ends(line: bytes) -> bytes:
    return line.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n")


def inside(folder: str, name: str) -> str:
    """The place of a file in a folder; what a URL says behind "?" is kept.

    Example:
        >>> inside("s3://bucket/photos?region=eu", "a.jpg"), inside("photos/", "a.jpg")
        ('s3://bucket/photos/a.jpg?region=eu', 'photos/a.jpg')
    """
    base, mark, query = folder.partition("?") if is_remote(folder) else (folder, "", "")
    return f"{base.rstrip('/')}/{name}{mark}{query}"


def listed_store(place: str) -> Iterator[str]:
    """The files in a folder of a store and below it, sorted. The names in one folder are in memory at a time.

    Raises:
        PhotoError: It cannot be listed.
    """
    from pyarrow import ArrowException, fs

    store = store_of(place)
    scheme = place.partition("://")[0]
    query = place.partition("?")[2]
    try:
        infos = store.system.get_file_info(fs.FileSelector(store.path, recursive=False))
    except (OSError, ArrowException) as error:
        raise PhotoError(
            f"cannot list {path_for_message(place)}: {reason(error)}; check its name, the network and your rights"
        ) from error
    for info in sorted(infos, key=lambda each: each.path):
        if info.base_name.startswith("."):
            continue
        found = f"{scheme}://{_user(place)}{info.path}" + (f"?{query}" if query else "")
        if info.type == fs.FileType.Directory:
            yield from listed_store(found)
        else:
            yield found


def is_store_folder(place: str) -> bool:
    """Whether a place in a store is a folder.

    Raises:
        PhotoError: There is nothing there, or the store does not say.
    """
    from pyarrow import ArrowException, fs

    store = store_of(place)
    try:
        (info,) = store.system.get_file_info([store.path])
    except (OSError, ArrowException) as error:
        raise PhotoError(
            f"cannot read {path_for_message(place)}: {reason(error)}; check its name, the network and your rights"
        ) from error
    if info.type == fs.FileType.NotFound:
        raise PhotoError(f"cannot read {path_for_message(place)}: nothing is there; check its name")
    return bool(info.type == fs.FileType.Directory)
