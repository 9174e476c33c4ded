"""The contact sheet: which photos, and that their masks are on it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from freeseg.data.free_masks import open_free_masks
from freeseg.labelling.contact_sheet import TILE, contact_sheet, draw_sample, thumbnail
from freeseg.results.drawing import display_palette
from masked import draw_masks, entry_of


@given(st.integers(0, 200), st.integers(0, 50), st.integers())
def test_as_many_photos_as_asked_for_as_far_as_there_are(photos: int, count: int, seed: int) -> None:
    chosen = draw_sample(photos, count, seed=seed)
    assert len(chosen) == min(photos, count)
    assert chosen <= set(range(photos))
    assert chosen == draw_sample(photos, count, seed=seed)


def test_another_seed_draws_others() -> None:
    assert draw_sample(1000, 10, seed=0) != draw_sample(1000, 10, seed=1)


@pytest.mark.parametrize("size", [(90, 40), (40, 90), (3000, 50), (2, 900), (1, 1)])
def test_a_thumbnail_fits_and_keeps_its_shape(size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    photo = thumbnail(buffer.getvalue())
    assert photo is not None
    assert photo.width <= TILE[0]
    assert photo.height <= TILE[1]
    assert photo.width == TILE[0] or photo.height == TILE[1]
    assert photo.width == pytest.approx(photo.height * size[0] / size[1], abs=1 + size[0] / size[1])
    assert thumbnail(b"no picture") is None


def test_every_photo_is_there_under_its_mask(tmp_path: Path) -> None:
    entries = [entry_of(f"{letter}.jpg", width=90, height=60, areas={"cat": 1.0}) for letter in "abcde"]
    draw_masks(tmp_path, *entries)
    cat = np.full((60, 90), 1, np.uint8)
    for entry in entries:
        Image.fromarray(cat).save(tmp_path / entry.mask)
    masks = open_free_masks(tmp_path)
    tile = Image.new("RGB", (90, 60), "black")
    one = contact_sheet(masks, [(entries[0], tile)])
    sheet = contact_sheet(masks, [(entry, tile) for entry in entries])
    colour = (0.55 * display_palette(masks.labels)[1]).round()

    def covered(picture: Image.Image) -> int:
        return int((np.abs(np.asarray(picture) - colour).max(axis=2) <= 1).sum())

    assert covered(one) == 90 * 60
    assert covered(sheet) == 5 * 90 * 60
    assert sheet.width > 2 * one.width


def test_a_mask_smaller_than_the_thumbnail_is_enlarged(tmp_path: Path) -> None:
    entry = entry_of("a.jpg", width=2, height=1, areas={"cat": 0.5, "dog": 0.5})
    draw_masks(tmp_path, entry)
    Image.fromarray(np.array([[1, 2]], np.uint8)).save(tmp_path / entry.mask)
    sheet = np.asarray(contact_sheet(open_free_masks(tmp_path), [(entry, Image.new("RGB", (200, 100), "black"))]))
    colours = (0.55 * display_palette(["background", "cat", "dog"])).round()
    left, right = sheet[12 + 50, 12 + 40], sheet[12 + 50, 12 + 160]
    assert np.abs(left - colours[1]).max() <= 1
    assert np.abs(right - colours[2]).max() <= 1
