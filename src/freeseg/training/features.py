"""Frozen-tower features, extracted once into an on-disk cache.

The towers never change, so a training reads each photo once in its life: its features go into a cache
keyed by tower, preprocessing and the photo's own bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from freeseg.data import CaptionedPhoto, PhotoSource
from freeseg.errors import DataError, PhotoError
from freeseg.models.class_attention import ClassAttention
from freeseg.models.iclip import ICLIP
from freeseg.photos import read_bytes, resize, to_array
from freeseg.training.store import RowStore
from freeseg.words import Vocabulary, mentions

SIDE = 256  # photos are seen whole, squeezed to a square: captions speak of the whole photo
GRID = 8  # features are averaged to GRID x GRID: enough for training, a quarter of the space
BATCH = 16
TEXT_BATCH = 256
HELD_OUT = "test"

Progress = Callable[[int, int], None]  # (done, total)


class Paired(NamedTuple):
    """A photo with captions: its row in the features, its captions' rows in the texts, the nouns they mention."""

    row: int
    captions: NDArray[np.int64]
    nouns: tuple[int, ...]


@dataclass
class TrainingData:
    """Everything a training reads, as positions into the caches.

    Attributes:
        features: All cached features, (rows, GRID * GRID, C) float16, mapped from disk.
        texts: All cached caption embeddings, (rows, T) float32, mapped from disk.
        paired: The photos with captions.
        held_out: Those of split "test", which are never trained on.
        unlabelled: Rows of the photos without captions.
        attention: Free attention of another tower, (rows, GRID * GRID) float16 in [0, 1], in the order of `features`;
            None where it was not asked for.
        skipped: Photos that could not be read, with the reason.
        sources: What the data is, for the model card.
    """

    features: NDArray[np.generic]
    texts: NDArray[np.generic]
    paired: list[Paired] = field(default_factory=list)
    held_out: list[Paired] = field(default_factory=list)
    unlabelled: list[int] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    attention: NDArray[np.generic] | None = None


class AttentionExtractor(NamedTuple):
    """Free attention from a tower of its own, and the cache of what it gave."""

    tower: ClassAttention
    store: RowStore


def cache_folder(root: Path, identity: object) -> Path:
    """The folder of one kind of row: a digest of all that decides its content.

    Example:
        >>> cache_folder(Path("cache"), {"tower": "a"}) == cache_folder(Path("cache"), {"tower": "b"})
        False
    """
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return root / digest[:16]


def expected_bytes(model: ICLIP, photos: int) -> int:
    """The size of the feature cache of so many photos, to be said beforehand."""
    return photos * model.image_tower.channels * GRID * GRID * 2


def open_stores(model: ICLIP, root: Path, image_identity: str, text_identity: str) -> tuple[RowStore, RowStore]:
    """The caches of photo features and of caption embeddings, for one pair of towers."""
    images = {"tower": image_identity, "side": SIDE, "grid": GRID, "resize": "squeeze, bicubic"}
    return (
        RowStore(cache_folder(root, images), (GRID * GRID, model.image_tower.channels), np.float16),
        RowStore(cache_folder(root, {"tower": text_identity}), (model.text_tower.channels,), np.float32),
    )


def open_attention(root: Path, tower: ClassAttention, identity: str) -> AttentionExtractor:
    """A tower that gives free attention, with its cache beside those of the features."""
    kind = {"attention": identity, "side": SIDE, "grid": GRID, "resize": "squeeze, bicubic"}
    return AttentionExtractor(tower, RowStore(cache_folder(root, kind), (GRID * GRID,), np.float16))


def side_for(stride: int) -> int:
    """The side to which photos are squeezed: `SIDE`, or what is nearest to it in whole patches.

    Example:
        >>> side_for(16), side_for(14)
        (256, 252)
    """
    return max(1, round(SIDE / stride)) * stride


def prepare(
    model: ICLIP,
    sources: Sequence[PhotoSource],
    stores: tuple[RowStore, RowStore],
    nouns: Vocabulary,
    device: torch.device,
    on_photos: Progress = lambda done, total: None,
    on_texts: Progress = lambda done, total: None,
    watcher: AttentionExtractor | None = None,
) -> TrainingData:
    """Fill the caches from the sources; what is there already is not computed again.

    Raises:
        DataError: Not one photo has captions to train on.
        OutputError: The cache cannot be written, or the disk is full.
    """
    images, texts = stores
    known = extract_photos(model, sources, images, device, on_photos, watcher)
    captions = sorted({caption for _, pair_captions, _ in known.photos for caption in pair_captions})
    _extract_texts(model, captions, texts, on_texts)
    data = TrainingData(images.rows(), texts.rows(), skipped=known.skipped, sources=known.sources)
    if watcher:
        data.attention = _in_order([key for key, _, _ in known.photos], images, watcher.store)
    for key, pair_captions, split in known.photos:
        row = int(images.positions([key])[0])
        if not pair_captions:
            data.unlabelled.append(row)
            continue
        rows = texts.positions([_digest(caption.encode()) for caption in pair_captions])
        pair = Paired(row, rows, tuple(mentions(pair_captions, nouns)))
        (data.held_out if split == HELD_OUT else data.paired).append(pair)
    if not data.paired:
        raise DataError("no photo with captions was found; give at least one caption folder or tar of split train")
    return data


@dataclass
class ExtractedPhotos:
    """What was seen while the photos were read: content keys, captions, splits."""

    photos: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)


def extract_photos(
    model: ICLIP,
    sources: Sequence[PhotoSource],
    store: RowStore,
    device: torch.device,
    progress: Progress = lambda done, total: None,
    watcher: AttentionExtractor | None = None,
) -> ExtractedPhotos:
    """Put the features of all photos into their cache, where they are not there yet."""
    stores = [store, watcher.store] if watcher else [store]
    side = side_for(model.stride)
    known, done, total = ExtractedPhotos(), 0, sum(len(source) for source in sources)
    with ThreadPoolExecutor(max_workers=2) as decoders:
        for source in sources:
            used = 0
            for pairs in _batches(source, BATCH):
                keys = [_digest(pair.image) for pair in pairs]
                # Decoding is the only work that a cached photo would cost: leave it out.
                fresh = [
                    (key, pair)
                    for key, pair in zip(keys, pairs, strict=True)
                    if any(key not in each for each in stores)
                ]
                decoded = list(decoders.map(_decode, [pair for _, pair in fresh], repeat(side)))
                good = [(key, p) for (key, _), p in zip(fresh, decoded, strict=True) if not isinstance(p, str)]
                known.skipped += [reason for reason in decoded if isinstance(reason, str)]
                if good:
                    _extract(model, dict(good), store, device, watcher)
                for key, pair in zip(keys, pairs, strict=True):
                    if all(key in each for each in stores):
                        known.photos.append((key, pair.captions, pair.split))
                        used += 1
                done += len(pairs)
                progress(done, total)
            known.sources[source.name] = used
    return known


def _extract(
    model: ICLIP,
    photos: dict[str, NDArray[np.uint8]],
    store: RowStore,
    device: torch.device,
    watcher: AttentionExtractor | None,
) -> None:
    """Compute what the caches do not have yet of some photos."""
    if missing := [key for key in photos if key not in store]:
        store.append(missing, _features(model, [photos[key] for key in missing], device))
    if watcher and (missing := [key for key in photos if key not in watcher.store]):
        pixels = torch.from_numpy(np.stack([photos[key] for key in missing])).permute(0, 3, 1, 2).to(device)
        with torch.inference_mode():
            seen = watcher.tower.to(device)(pixels, GRID)
        watcher.store.append(missing, seen.flatten(1).to(torch.float16).cpu().numpy())


def _in_order(keys: Sequence[str], images: RowStore, attention: RowStore) -> NDArray[np.generic]:
    """The attention of some photos in the order of their features; zero where a row belongs to none of them."""
    ordered = np.zeros((len(images), *attention.shape), attention.dtype)
    ordered[images.positions(keys)] = attention.read(keys)
    return ordered


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


def _extract_texts(model: ICLIP, captions: Sequence[str], store: RowStore, progress: Progress) -> None:
    keys = {_digest(caption.encode()): caption for caption in captions}
    fresh = [(key, caption) for key, caption in keys.items() if key not in store]
    for start in range(0, len(fresh), TEXT_BATCH):
        batch = fresh[start : start + TEXT_BATCH]
        store.append([key for key, _ in batch], model.text_tower([text for _, text in batch]).cpu().numpy())
        progress(start + len(batch), len(fresh))


def _batches(source: Iterable[CaptionedPhoto], size: int) -> Iterator[list[CaptionedPhoto]]:
    iterator = iter(source)
    while batch := list(islice(iterator, size)):
        yield batch


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
