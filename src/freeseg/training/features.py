"""Features of photos, computed once by a frozen image tower and kept in a cache on disk.

The tower never changes, so each photo is read only once, for all trainings: its features are kept under the sha256 of
its file, in a folder that stands for the tower and the preprocessing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from freeseg.data import CaptionedPhoto, PhotoSource
from freeseg.errors import DataError, PhotoError
from freeseg.files import bytes_sha256
from freeseg.models.class_attention import ClassAttention
from freeseg.models.iclip import ICLIP
from freeseg.photos import read_bytes, resize, to_array
from freeseg.training.store import RowStore

SIDE = 256  # photos are seen whole, squeezed to a square: captions speak of the whole photo
GRID = 8  # features are averaged to GRID x GRID: enough for training, a quarter of the space
BATCH = 16
DECODERS = 2  # threads that decode the photos of a batch

Progress = Callable[[int, int], None]  # (done, total)
Item = TypeVar("Item")


class AttentionExtractor(NamedTuple):
    """A tower that gives free attention, and the cache of what it gave."""

    tower: ClassAttention
    store: RowStore


def cache_folder(root: Path, identity: object) -> Path:
    """The folder of one kind of row, named by a hash of all that decides its content.

    Example:
        >>> cache_folder(Path("cache"), {"tower": "a"}) == cache_folder(Path("cache"), {"tower": "b"})
        False
    """
    return root / bytes_sha256(json.dumps(identity, sort_keys=True).encode())[:16]


def expected_bytes(model: ICLIP, photos: int) -> int:
    """The size of the feature cache of so many photos."""
    return photos * model.image_tower.channels * GRID * GRID * 2


def open_features(root: Path, model: ICLIP, identity: str) -> RowStore:
    """The cache of a model's image features.

    Args:
        root: Folder of all caches.
        model: The model.
        identity: What its image features depend on.
    """
    kind = {"tower": identity, "side": SIDE, "grid": GRID, "resize": "squeeze, bicubic"}
    return RowStore(cache_folder(root, kind), (GRID * GRID, model.image_tower.channels), np.float16)


def open_attention(root: Path, tower: ClassAttention, identity: str) -> AttentionExtractor:
    """A tower that gives free attention, with its cache beside those of the features.

    Args:
        root: Folder of all caches.
        tower: The tower.
        identity: What its answers depend on.
    """
    kind = {"attention": identity, "side": SIDE, "grid": GRID, "resize": "squeeze, bicubic"}
    return AttentionExtractor(tower, RowStore(cache_folder(root, kind), (GRID * GRID,), np.float16))


def side_for(stride: int) -> int:
    """The side to which photos are squeezed: `SIDE`, or what is nearest to it in whole patches.

    Example:
        >>> side_for(16), side_for(14)
        (256, 252)
    """
    return max(1, round(SIDE / stride)) * stride


class ExtractedPhoto(NamedTuple):
    """A photo whose features are in the cache, under the sha256 of its file."""

    sha256: str
    captions: tuple[str, ...]
    split: str


@dataclass
class ExtractedPhotos:
    """What was learnt while the photos were read.

    Attributes:
        photos: Those that could be read.
        skipped: The reason for each that could not.
        sources: How many photos of each source are used.
    """

    photos: list[ExtractedPhoto] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)


class MissingPhotos(NamedTuple):
    """Photos of a batch whose features or attention the caches do not have.

    Attributes:
        photos: The sha256 of each photo's file, and the photo.
        features: Those whose features are missing.
        attention: Those whose attention is missing.
    """

    photos: list[tuple[str, CaptionedPhoto]]
    features: list[str]
    attention: list[str]


class ComputedRows(NamedTuple):
    """What was computed of photos: a row of features and of attention for each that could be read.

    Attributes:
        features, attention: The keys, and the row of each; without keys, there are no rows.
        skipped: The reason for each photo that could not be read.
    """

    features: tuple[list[str], NDArray[np.float16]]
    attention: tuple[list[str], NDArray[np.float16]]
    skipped: list[str]


Spread = Callable[[Sequence[MissingPhotos]], list[ComputedRows]]


class PhotoExtractor:
    """Computes features and attention of photos; each process that shares a training has one.

    Args:
        model: Its image tower gives the features.
        device: Where the towers are.
        attention: The tower that gives the attention.
    """

    def __init__(self, model: ICLIP, device: torch.device, attention: ClassAttention | None = None):
        self._model, self._device = model, device
        self._attention = attention.to(device) if attention else None

    def __call__(self, missing: MissingPhotos) -> ComputedRows:
        """Compute what is missing of some photos."""
        side = side_for(self._model.stride)
        with ThreadPoolExecutor(max_workers=DECODERS) as decoders:
            decoded = list(decoders.map(_decode, [photo for _, photo in missing.photos], repeat(side)))
        found = zip(missing.photos, decoded, strict=True)
        pixels = {key: each for (key, _), each in found if not isinstance(each, str)}
        skipped = [each for each in decoded if isinstance(each, str)]
        return ComputedRows(
            self._rows(self._features, missing.features, pixels),
            self._rows(self._free_attention, missing.attention, pixels),
            skipped,
        )

    def _rows(
        self, compute: Callable[[Tensor], Tensor], keys: Sequence[str], pixels: Mapping[str, NDArray[np.uint8]]
    ) -> tuple[list[str], NDArray[np.float16]]:
        """Rows of the photos of some keys that could be read."""
        readable = [key for key in keys if key in pixels]
        if not readable:
            return [], np.empty(0, np.float16)
        stacked = torch.from_numpy(np.stack([pixels[key] for key in readable])).permute(0, 3, 1, 2).to(self._device)
        with torch.inference_mode():
            return readable, compute(stacked).to(torch.float16).cpu().numpy()

    def _features(self, pixels: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(self._model.features(pixels), GRID).flatten(2).movedim(1, 2)

    def _free_attention(self, pixels: Tensor) -> Tensor:
        assert self._attention is not None  # noqa: S101 - for the type checker
        return self._attention(pixels, GRID).flatten(1)  # type: ignore[no-any-return]


def extract_photos(
    sources: Sequence[PhotoSource],
    store: RowStore,
    spread: Spread,
    *,
    attention: RowStore | None = None,
    at_once: int = 1,
    progress: Progress = lambda done, total: None,
) -> ExtractedPhotos:
    """Put the features of all photos into their cache, where they are not there yet.

    Args:
        sources: The photos. They are read here, one after the other.
        store: The cache of features.
        spread: Has what is missing of some batches computed, each by a `PhotoExtractor`.
        attention: The cache of attention, if it is wanted.
        at_once: How many batches it is given.
        progress: Called with (done, total) after each batch.
    """
    stores = [store] if attention is None else [store, attention]  # an empty one counts as false
    extracted, done, total = ExtractedPhotos(), 0, sum(len(source) for source in sources)
    for source in sources:
        before = len(extracted.photos)
        for photos in in_batches(source, BATCH * at_once):
            keys = [bytes_sha256(photo.image) for photo in photos]
            batches = in_batches(zip(keys, photos, strict=True), BATCH)
            missing = [each for each in (_missing(batch, store, attention) for batch in batches) if each.photos]
            for computed in spread(missing) if missing else []:
                extracted.skipped += computed.skipped
                for rows, kept in zip((computed.features, computed.attention), stores, strict=False):
                    if rows[0]:
                        kept.append(*rows)
            extracted.photos += [
                ExtractedPhoto(key, photo.captions, photo.split)
                for key, photo in zip(keys, photos, strict=True)
                if all(key in each for each in stores)
            ]
            done += len(photos)
            progress(done, total)
        extracted.sources[source.name] = len(extracted.photos) - before
    return extracted


def reread(extracted: ExtractedPhotos, *stores: RowStore) -> None:
    """Take notice of the rows that the first process of a training has added to the caches.

    Raises:
        DataError: They are not there.
    """
    for store in stores:
        store.reread()
    if any(photo.sha256 not in stores[0] for photo in extracted.photos):
        raise DataError(
            "the features that the first process computed are not there; choose a --cache that all machines see"
        )


def _missing(batch: Sequence[tuple[str, CaptionedPhoto]], store: RowStore, attention: RowStore | None) -> MissingPhotos:
    """What the caches do not have yet of a batch; what they have is not even decoded."""
    features = [key for key, _ in batch if key not in store]
    weights = [key for key, _ in batch if attention is not None and key not in attention]
    wanted = {*features, *weights}
    photos = [(key, photo) for key, photo in batch if key in wanted]
    return MissingPhotos(photos, list(dict.fromkeys(features)), list(dict.fromkeys(weights)))


def _decode(pair: CaptionedPhoto, side: int) -> NDArray[np.uint8] | str:
    """The photo as (side, side, 3), or why it cannot be read."""
    try:
        return to_array(resize(read_bytes(pair.image, pair.key), (side, side)))
    except PhotoError as error:
        return str(error)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items in order; the last may be shorter.

    Example:
        >>> list(in_batches("abc", 2))
        [['a', 'b'], ['c']]
    """
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
