"""Parts of a photo: cut out, or outlined."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from freeseg.results.cutouts import cutout, outlines
from freeseg.results.drawing import display_palette

LABELS = ["background", "cat", "dog"]


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(1, 256, (40, 60, 3), dtype=np.uint8))


def test_a_cut_out_shows_the_part_and_nothing_else(photo: Image.Image) -> None:
    where = np.zeros((40, 60), np.bool_)
    where[10:20, 30:50] = True
    cut = np.asarray(cutout(photo, where))
    assert (cut[where][:, :3] == np.asarray(photo)[where]).all()
    assert (cut[..., 3] == 255 * where).all()
    assert not cut[~where].any()


def test_lines_are_inside_the_regions_in_their_colours(photo: Image.Image) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 10:30], mask[10:30, 30:50] = 1, 2
    drawn, before, colours = (
        np.asarray(outlines(photo, mask, LABELS, width=1)),
        np.asarray(photo),
        display_palette(LABELS),
    )
    changed = (drawn != before).any(axis=2)
    assert not changed[mask == 0].any()
    assert not changed[11:29, 11:29].any()
    assert (drawn[10, 10:30] == colours[1]).all()
    assert (drawn[10:30, 29] == colours[1]).all()
    assert (drawn[10:30, 30] == colours[2]).all()


def test_without_a_background_every_region_has_its_line(photo: Image.Image) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 30:] = 1
    drawn, colours = np.asarray(outlines(photo, mask, ["cat", "dog"], width=2)), display_palette(["cat", "dog"])
    assert (drawn[:, 28:30] == colours[0]).all()
    assert (drawn[:, 30:32] == colours[1]).all()
    assert (drawn[:, :28] == np.asarray(photo)[:, :28]).all()


def test_lines_are_wider_on_larger_photos() -> None:
    mask = np.zeros((2000, 2000), np.uint8)
    mask[:, 1000:] = 1
    drawn = np.asarray(outlines(Image.new("RGB", (2000, 2000), "white"), mask, LABELS))
    assert (drawn[0] != 255).any(axis=1).sum() == 10


@pytest.mark.parametrize("shape", [(40, 61), (60, 40)])
def test_a_mask_of_another_size(photo: Image.Image, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="the part is"):
        cutout(photo, np.zeros(shape, np.bool_))
    with pytest.raises(ValueError, match="the mask is"):
        outlines(photo, np.zeros(shape, np.uint8), LABELS)
