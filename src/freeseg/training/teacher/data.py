"""The photos and captions that a teacher is trained on, as rows of the caches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from freeseg.data import PhotoSource
from freeseg.errors import DataError
from freeseg.files import bytes_sha256
from freeseg.models.iclip import ICLIP
from freeseg.training import processes
from freeseg.training.features import (
    AttentionExtractor,
    ExtractedPhotos,
    PhotoExtractor,
    Progress,
    Spread,
    cache_folder,
    extract_photos,
    in_batches,
    open_features,
    reread,
)
from freeseg.training.store import RowStore
from freeseg.words import Vocabulary, mentions

TEXT_BATCH = 256
HELD_OUT = "test"  # the split


class PhotoRows(NamedTuple):
    """A photo with captions: its row in the features, its captions' rows in the texts, the nouns they mention."""

    row: int
    captions: NDArray[np.int64]
    nouns: tuple[int, ...]


@dataclass
class TeacherData:
    """Everything a training reads, as positions into the caches.

    Attributes:
        features: All cached features, (rows, GRID * GRID, C) float16, mapped from disk.
        texts: All cached caption embeddings, (rows, T) float32, mapped from disk.
        captioned: The photos with captions, but for the held-out ones.
        held_out: Those of split "test", which are never trained on.
        unlabelled: Rows of the photos without captions.
        attention: Free attention of another tower, (rows, GRID * GRID) float16 in [0, 1], in the order of `features`;
            None where it was not asked for.
        skipped: Photos that could not be read, with the reason.
        sources: What the data is, for the model card.
    """

    features: NDArray[np.generic]
    texts: NDArray[np.generic]
    captioned: list[PhotoRows] = field(default_factory=list)
    held_out: list[PhotoRows] = field(default_factory=list)
    unlabelled: list[int] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    attention: NDArray[np.generic] | None = None


def open_stores(root: Path, model: ICLIP, identities: tuple[str, str]) -> tuple[RowStore, RowStore]:
    """The caches of a model's image features and of its text tower's embeddings.

    Args:
        root: Folder of all caches.
        model: The model.
        identities: What features and embeddings depend on, as `freeseg.models.towers.identities` gives it.
    """
    image, text = identities
    texts = RowStore(cache_folder(root, {"tower": text}), (model.text_tower.channels,), np.float32)
    return open_features(root, model, image), texts


def read_teacher_data(
    model: ICLIP,
    sources: Sequence[PhotoSource],
    stores: tuple[RowStore, RowStore],
    nouns: Vocabulary,
    device: torch.device,
    *,
    attention: AttentionExtractor | None = None,
    on_photos: Progress = lambda done, total: None,
    on_texts: Progress = lambda done, total: None,
) -> TeacherData:
    """Fill the caches from the sources; what is there already is not computed again.

    Of several processes that share a training, the first reads the sources and fills the caches, and the others help it
    to decode photos and to compute their features.

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
        DataError: Not one photo has captions to train on, or the caches are not the same for all processes.
        OutputError: The cache cannot be written, or the disk is full.
    """
    images, texts = stores

    def extract(spread: Spread) -> ExtractedPhotos:
        extracted = extract_photos(
            sources,
            images,
            spread,
            attention=attention.store if attention else None,
            at_once=processes.count(),
            progress=on_photos,
        )
        captions = sorted({caption for photo in extracted.photos for caption in photo.captions})
        _extract_texts(model, captions, texts, on_texts)
        return extracted

    # The first keeps the rows, since their order must not depend on who is faster.
    extractor = PhotoExtractor(model, device, attention.tower if attention else None)
    extracted = processes.from_first_helped(extract, extractor)
    reread(extracted, images, texts, *((attention.store,) if attention else ()))
    data = TeacherData(images.rows(), texts.rows(), skipped=extracted.skipped, sources=extracted.sources)
    if attention:
        data.attention = _in_order([photo.sha256 for photo in extracted.photos], images, attention.store)
    for photo in extracted.photos:
        row = int(images.positions([photo.sha256])[0])
        if not photo.captions:
            data.unlabelled.append(row)
            continue
        rows = texts.positions([bytes_sha256(caption.encode()) for caption in photo.captions])
        photo_rows = PhotoRows(row, rows, tuple(mentions(photo.captions, nouns)))
        (data.held_out if photo.split == HELD_OUT else data.captioned).append(photo_rows)
    if not data.captioned:
        raise DataError("no photo with captions was found; give at least one caption folder or tar of split train")
    return data


def _in_order(keys: Sequence[str], images: RowStore, attention: RowStore) -> NDArray[np.generic]:
    """The attention of some photos in the order of their features; zero where a row belongs to none of them."""
    ordered = np.zeros((len(images), *attention.shape), attention.dtype)
    ordered[images.positions(keys)] = attention.read(keys)
    return ordered


def _extract_texts(model: ICLIP, captions: Sequence[str], store: RowStore, progress: Progress) -> None:
    keys = {bytes_sha256(caption.encode()): caption for caption in captions}
    missing = [(key, caption) for key, caption in keys.items() if key not in store]
    done = 0
    for batch in in_batches(missing, TEXT_BATCH):
        store.append([key for key, _ in batch], model.text_tower([text for _, text in batch]).cpu().numpy())
        done += len(batch)
        progress(done, len(missing))
