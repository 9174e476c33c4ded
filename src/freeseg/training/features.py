"""Features of photos, computed once by a frozen image tower and kept in a cache on disk.

The tower never changes, so each photo is read only once, for all trainings: its features are kept under the sha256 of
its file, in a folder that stands for the tower and the preprocessing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from freeseg.data import CaptionedPhoto, PhotoSource
from freeseg.errors import PhotoError
from freeseg.files import bytes_sha256
from freeseg.models.class_attention import ClassAttention
from freeseg.models.iclip import ICLIP
from freeseg.photos import read_bytes, resize, to_array
from freeseg.training.store import RowStore

SIDE = 256  # photos are seen whole, squeezed to a square: captions speak of the whole photo
GRID = 8  # features are averaged to GRID x GRID: enough for training, a quarter of the space
BATCH = 16

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


def extract_photos(
    model: ICLIP,
    sources: Sequence[PhotoSource],
    store: RowStore,
    device: torch.device,
    *,
    attention: AttentionExtractor | None = None,
    progress: Progress = lambda done, total: None,
) -> ExtractedPhotos:
    """Put the features of all photos into their cache, where they are not there yet."""
    stores = [store, attention.store] if attention else [store]
    side = side_for(model.stride)
    extracted, done, total = ExtractedPhotos(), 0, sum(len(source) for source in sources)
    with ThreadPoolExecutor(max_workers=2) as decoders:
        for source in sources:
            used = 0
            for photos in in_batches(source, BATCH):
                keys = [bytes_sha256(photo.image) for photo in photos]
                # Decoding is the only work that a cached photo would cost: leave it out.
                missing = [
                    (key, photo)
                    for key, photo in zip(keys, photos, strict=True)
                    if any(key not in each for each in stores)
                ]
                decoded = list(decoders.map(_decode, [photo for _, photo in missing], repeat(side)))
                readable = {key: d for (key, _), d in zip(missing, decoded, strict=True) if not isinstance(d, str)}
                extracted.skipped += [reason for reason in decoded if isinstance(reason, str)]
                if readable:
                    _extract(model, readable, store, device, attention)
                for key, photo in zip(keys, photos, strict=True):
                    if all(key in each for each in stores):
                        extracted.photos.append(ExtractedPhoto(key, photo.captions, photo.split))
                        used += 1
                done += len(photos)
                progress(done, total)
            extracted.sources[source.name] = used
    return extracted


def _extract(
    model: ICLIP,
    photos: dict[str, NDArray[np.uint8]],
    store: RowStore,
    device: torch.device,
    attention: AttentionExtractor | None,
) -> None:
    """Compute what the caches do not have yet of some photos."""
    if missing := [key for key in photos if key not in store]:
        store.append(missing, _features(model, [photos[key] for key in missing], device))
    if attention and (missing := [key for key in photos if key not in attention.store]):
        pixels = torch.from_numpy(np.stack([photos[key] for key in missing])).permute(0, 3, 1, 2).to(device)
        with torch.inference_mode():
            weights = attention.tower.to(device)(pixels, GRID)
        attention.store.append(missing, weights.flatten(1).to(torch.float16).cpu().numpy())


def _features(model: ICLIP, photos: Sequence[NDArray[np.uint8]], device: torch.device) -> NDArray[np.float16]:
    pixels = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).to(device)
    with torch.inference_mode():
        features = F.adaptive_avg_pool2d(model.features(pixels), GRID)
    return features.flatten(2).movedim(1, 2).to(torch.float16).cpu().numpy()


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
