"""What all sources of photos have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

SPLITS = ("train", "dev", "test", "none")


class CaptionedPhoto(NamedTuple):
    """A photo and the captions that describe it.

    Attributes:
        key: Unique within its source and the same in every run: the name of a file, or the key of a tar member.
        image: The bytes of the photo's file, not decoded.
        captions: Stripped, and none of them empty; () for a photo without captions.
        split: One of `SPLITS`.

    Example:
        >>> CaptionedPhoto("a.jpg", b"...", ("a red kite",), "train").captions
        ('a red kite',)
    """

    key: str
    image: bytes
    captions: tuple[str, ...]
    split: str


class PhotoSource(Protocol):
    """A source of photos, with captions or without; `open_sources` has an example.

    Attributes:
        name: The folder's or the shards' own name, for messages and reports.
    """

    name: str

    def __len__(self) -> int:
        """How many photos there are."""
        ...

    def keys(self) -> Iterable[str]:
        """The keys of all photos; no photo is read."""
        ...

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        """The photos, in an order that never changes."""
        ...
