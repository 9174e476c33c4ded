"""Crops of photos and masks: the same of both, and the same again for the same place in the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from freeseg.errors import DataError
from freeseg.photos.references import PhotoReference
from freeseg.training.network.batches import PhotoInBatch, Samples, batches, target_table
from freeseg.training.network.labelled_photos import as_sources, count_unlabelled, find_photos
from freeseg.training.network.losses import UNKNOWN
from networks import RECIPE, draw_free_masks


def references(photos: Sequence[Path]) -> list[PhotoReference]:
    return [PhotoReference.of_file(photo) for photo in photos]


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    masks, photos = draw_free_masks(tmp_path)
    return Samples(masks, references(photos), np.arange(len(photos)), replace(RECIPE, side=64, colour=0.0))


def test_photo_and_mask_stay_in_step(samples: Samples) -> None:
    """A drawn photo is bright in the label's channel exactly where its mask says so."""
    for step in range(40):
        sample = samples[PhotoInBatch(step, 0, step % len(samples))]
        label = step % len(samples) % 2
        patches = sample.pixels.float().reshape(3, 8, 8, 8, 8).mean(dim=(2, 4))
        bright = patches[label + 1] > 100
        sure = (sample.targets != UNKNOWN) & ((patches[label + 1] > 150) | (patches[label + 1] < 50))
        assert torch.equal(bright[sure], (sample.targets == label + 1)[sure])
        assert sample.known.tolist() == [index == label for index in range(3)]


def test_the_same_place_in_the_training_is_the_same_crop(samples: Samples) -> None:
    one, same, other = samples[PhotoInBatch(3, 1, 2)], samples[PhotoInBatch(3, 1, 2)], samples[PhotoInBatch(4, 1, 2)]
    assert torch.equal(one.pixels, same.pixels)
    assert torch.equal(one.box, same.box)
    assert not torch.equal(one.box, other.box)


def test_boxes_lie_in_the_photo_and_some_are_mirrored(samples: Samples) -> None:
    boxes = torch.stack([samples[PhotoInBatch(step, 0, 0)].box for step in range(40)])
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    mirrored = (boxes[:, 2] < boxes[:, 0]).float().mean()
    assert 0.2 < mirrored < 0.8


def test_dont_know_is_unknown(samples: Samples) -> None:
    table = target_table(samples.masks)
    assert table[255] == UNKNOWN
    assert table[:4].tolist() == [0, 1, 2, 3]


def test_pixels_of_which_the_first_masks_say_otherwise_do_not_supervise(samples: Samples, tmp_path: Path) -> None:
    first, photos = draw_free_masks(tmp_path / "first")
    path = first.folder / first.entries[0].mask
    other = np.array(Image.open(path))
    other[:, :6] = 0  # a strip that the label had in the second masks
    Image.fromarray(other).save(path)
    entry = samples.masks.entries[0]
    alone, _ = samples.supervision(entry)
    twice = Samples(samples.masks, references(photos), samples.rows, samples.recipe, first)
    both, supervised = twice.supervision(entry)
    assert (alone[1:, :6] == 1).all()
    assert (both[:, :6] == UNKNOWN).all()
    assert np.array_equal(both[:, 6:], alone[:, 6:])
    assert not supervised[both == UNKNOWN].any()


def test_every_photo_once_an_epoch() -> None:
    recipe = replace(RECIPE, epochs=2)
    drawn = list(batches(np.arange(6), recipe, 0))
    assert [place.step for batch in drawn for place in batch] == [step for step in range(6) for _ in range(2)]
    for epoch in (drawn[:3], drawn[3:]):
        assert sorted(place.photo for batch in epoch for place in batch) == list(range(6))
    assert list(batches(np.arange(6), recipe, 4)) == drawn[4:]


class TestPhotos:
    def test_found_in_a_folder_of_the_sources_name(self, tmp_path: Path) -> None:
        masks, photos = draw_free_masks(tmp_path)
        assert find_photos(masks, [tmp_path / "photos"]) == references(photos) == find_photos(masks, [tmp_path])

    def test_a_mask_without_its_photo_is_named(self, tmp_path: Path) -> None:
        masks, photos = draw_free_masks(tmp_path)
        photos[2].unlink()
        with pytest.raises(DataError, match=r"photos/2\.png"):
            find_photos(masks, [tmp_path / "photos"])

    def test_of_several_of_a_name_it_is_the_one_that_was_labelled(self, tmp_path: Path) -> None:
        masks, photos = draw_free_masks(tmp_path)
        other = tmp_path / "other"
        other.mkdir()
        (other / photos[0].name).write_bytes(photos[1].read_bytes())
        lone = replace(masks, entries=(replace(masks.entries[0], source="moved"),))
        assert find_photos(lone, [other, tmp_path / "photos"]) == references(photos[:1])

    def test_photos_without_a_mask_are_counted(self, tmp_path: Path) -> None:
        masks, photos = draw_free_masks(tmp_path)
        (tmp_path / "photos" / "new.png").write_bytes(photos[0].read_bytes())
        assert count_unlabelled(masks, [tmp_path], references(photos)) == 1

    def test_of_a_tar_are_refused_with_the_way_out(self, tmp_path: Path) -> None:
        masks, _ = draw_free_masks(tmp_path)
        of_tar = replace(masks, entries=(replace(masks.entries[0], source="shards", file="0"),))
        with pytest.raises(DataError, match="shards/0 is in a tar; unpack it, or label it with --format parquet"):
            find_photos(of_tar, [tmp_path])

    def test_as_a_source_their_labels_are_their_captions(self, tmp_path: Path) -> None:
        masks, photos = draw_free_masks(tmp_path)
        [source] = as_sources(masks, references(photos))
        assert (source.name, len(source)) == ("photos", len(photos))
        assert [pair.captions for pair in source] == [entry.labels for entry in masks.entries]
