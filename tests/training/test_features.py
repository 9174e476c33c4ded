"""The cache of features: a folder for each tower, and how it is filled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from freeseg.data import CaptionedPhoto
from freeseg.files import bytes_sha256
from freeseg.training import features
from freeseg.training.features import open_features
from freeseg.training.store import RowStore
from tiny import tiny_iclip


def test_another_tower_has_another_cache(tmp_path: Path) -> None:
    model = tiny_iclip()
    first = open_features(tmp_path, model, "one")
    second = open_features(tmp_path, model, "two")
    first.append(["0" * 64], np.zeros((1, *first.shape), np.float16))
    assert "0" * 64 not in second


class Listed(list[CaptionedPhoto]):
    """Photos as a source."""

    name = "set"

    def keys(self) -> list[str]:
        return [photo.key for photo in self]


def test_each_cache_gets_what_it_lacks(tmp_path: Path) -> None:
    """Also where the cache of attention is still empty, and where a photo cannot be read."""
    stores = [RowStore(tmp_path / name, (1,), np.float16) for name in ("features", "attention")]
    photos = [CaptionedPhoto(f"{number}.jpg", b"%d" % number, (), "train") for number in range(3)]
    keys = [bytes_sha256(photo.image) for photo in photos]
    stores[0].append(keys[:1], np.zeros((1, 1)))
    asked: list[features.MissingPhotos] = []

    def spread(missing: Sequence[features.MissingPhotos]) -> list[features.ComputedRows]:
        asked.extend(missing)
        readable = missing[0].features[:-1], missing[0].attention[:-1]
        rows = [(each, np.ones((len(each), 1), np.float16)) for each in readable]
        return [features.ComputedRows(rows[0], rows[1], ["2.jpg is broken"])]

    found = features.extract_photos([Listed(photos)], stores[0], spread, attention=stores[1])
    assert [(each.features, each.attention) for each in asked] == [(keys[1:], keys)]
    assert [photo.sha256 for photo in found.photos] == keys[:2]
    assert (found.skipped, found.sources) == (["2.jpg is broken"], {"set": 2})
    assert [store.read(keys[:2]).ravel().tolist() for store in stores] == [[0, 1], [1, 1]]
