"""Frozen-tower features, extracted once into an on-disk cache.

The towers never change, so a training reads each photo once in its life: its features go into a cache
keyed by tower, preprocessing and the photo's own bytes.
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
from freeseg.errors import DataError, PhotoError
from freeseg.files import bytes_sha256
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
Item = TypeVar("Item")


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


def open_stores(model: ICLIP, root: Path, image_identity: str, text_identity: str) -> tuple[RowStore, RowStore]:
    """The caches of photo features and of caption embeddings, for one pair of towers."""
    images = {"tower": image_identity, "side": SIDE, "grid": GRID, "resize": "squeeze, bicubic"}
    return (
        RowStore(cache_folder(root, images), (GRID * GRID, model.image_tower.channels), np.float16),
        RowStore(cache_folder(root, {"tower": text_identity}), (model.text_tower.channels,), np.float32),
    )


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


def prepare(
    model: ICLIP,
    sources: Sequence[PhotoSource],
    stores: tuple[RowStore, RowStore],
    nouns: Vocabulary,
    device: torch.device,
    *,
    attention: AttentionExtractor | None = None,
    on_photos: Progress = lambda done, total: None,
    on_texts: Progress = lambda done, total: None,
) -> TrainingData:
    """Fill the caches from the sources; what is there already is not computed again.

    Args:
        model: The frozen towers.
        sources: The photos and their captions.
        stores: The caches of photo features and of caption embeddings, as `open_stores` gives them.
        nouns: What captions are searched for.
        device: Where the towers are.
        attention: Another tower whose attention is cached as well.
        on_photos: Called with (done, total) after each batch of photos.
        on_texts: Called with (done, total) after each batch of captions.

    Raises:
        DataError: Not one photo has captions to train on.
        OutputError: The cache cannot be written, or the disk is full.
    """
    images, texts = stores
    extracted = extract_photos(model, sources, images, device, attention=attention, progress=on_photos)
    captions = sorted({caption for photo in extracted.photos for caption in photo.captions})
    _extract_texts(model, captions, texts, on_texts)
    data = TrainingData(images.rows(), texts.rows(), skipped=extracted.skipped, sources=extracted.sources)
    if attention:
        data.attention = _in_order([photo.sha256 for photo in extracted.photos], images, attention.store)
    for photo in extracted.photos:
        row = int(images.positions([photo.sha256])[0])
        if not photo.captions:
            data.unlabelled.append(row)
            continue
        rows = texts.positions([bytes_sha256(caption.encode()) for caption in photo.captions])
        paired = Paired(row, rows, tuple(mentions(photo.captions, nouns)))
        (data.held_out if photo.split == HELD_OUT else data.paired).append(paired)
    if not data.paired:
        raise DataError("no photo with captions was found; give at least one caption folder or tar of split train")
    return data


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
            for photos in _batches(source, BATCH):
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
    keys = {bytes_sha256(caption.encode()): caption for caption in captions}
    missing = [(key, caption) for key, caption in keys.items() if key not in store]
    done = 0
    for batch in _batches(missing, TEXT_BATCH):
        store.append([key for key, _ in batch], model.text_tower([text for _, text in batch]).cpu().numpy())
        done += len(batch)
        progress(done, len(missing))


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
