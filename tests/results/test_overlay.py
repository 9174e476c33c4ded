"""Overlays and their legends: what must hold of every one."""

import numpy as np
import pytest
from PIL import Image

from freeseg.mask_values import reserve_ignore
from freeseg.results.drawing import display_palette
from freeseg.results.overlay import overlay
from pictures import ODD_TEXTS, noise


def two_halves(height, width):
    """Background above, label 1 below."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 :] = 1
    return mask


HALVES = {"background": 0.5, "cat": 0.5}
LABELS = ["background", "cat"]


def blended(pixels, mask, labels, *, size):
    """What each pixel becomes at an alpha of 0.55: lines are one pixel wide on photos below 675 pixels."""
    opacity = np.full(mask.shape, 0.55, np.float32)
    rows, columns = np.indices(mask.shape)
    opacity[(mask == 255) & ((rows + columns) % size >= max(1, size // 3))] = 0.25
    if labels[0] == "background":
        opacity[mask == 0] = 0
    under = pixels.astype(np.float32)
    over = under + (display_palette(labels)[mask].astype(np.float32) - under) * opacity[..., None]
    edge = np.zeros(mask.shape, bool)
    edge[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    edge[:-1] |= mask[:-1] != mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    over[edge] += (255 - over[edge]) * np.float32(0.75)
    return over.round().astype(np.uint8)


class TestOverlay:
    def test_colours_blend_with_alpha_and_background_stays(self):
        photo = noise(60, 80)
        picture = np.asarray(overlay(photo, two_halves(60, 80), LABELS, HALVES, alpha=0.4))
        pixels = np.asarray(photo).astype(float)
        assert np.array_equal(picture[:29, :80], pixels[:29])  # the line takes row 29
        expected = 0.6 * pixels[30:] + 0.4 * display_palette(LABELS)[1]
        assert np.abs(picture[30:60, :80] - expected).max() <= 0.51

    def test_first_label_is_coloured_where_background_is_off(self):
        picture = overlay(Image.new("RGB", (40, 40)), np.zeros((40, 40), np.uint8), ["cat"], {"cat": 1.0}, alpha=1)
        assert picture.getpixel((20, 20)) == tuple(display_palette(["cat"])[0].tolist())

    def test_a_line_lies_between_regions_and_nowhere_else(self):
        mask = two_halves(60, 80)
        picture = np.asarray(overlay(Image.new("RGB", (80, 60)), mask, LABELS, HALVES, alpha=0))[:60, :80]
        assert np.flatnonzero(picture.any(axis=(1, 2))).tolist() == [29]

    def test_lines_grow_with_the_photo(self):
        mask = two_halves(1800, 1800)
        picture = np.asarray(overlay(Image.new("RGB", (1800, 1800)), mask, LABELS, HALVES, alpha=0))[:1800]
        assert picture.any(axis=(1, 2)).sum() == 4

    def test_a_thick_line_closes_around_a_region(self):
        mask = np.zeros((1800, 1800), np.uint8)
        mask[500:900, 600:1000] = 1
        picture = np.asarray(overlay(Image.new("RGB", (1800, 1800)), mask, LABELS, HALVES, alpha=0))[:1800]
        expected = np.zeros((1800, 1800), bool)
        expected[496:900, 596:1000] = True  # the 4 pixels above and left of an edge
        expected[500:896, 600:996] = False
        assert np.array_equal(picture.any(axis=-1), expected)

    def test_dont_know_is_hatched_not_plain(self):
        mask = np.full((60, 60), 255, np.uint8)
        picture = np.asarray(overlay(Image.new("RGB", (60, 60)), mask, LABELS, {}))[:60, :60]
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2
        assert len(np.unique(picture[0], axis=0)) == 2  # it alternates along a row: stripes, not halves

    @pytest.mark.parametrize("shape", [(1, 1), (40, 40), (7, 900), (900, 7), (700, 1000)])
    def test_the_legend_is_below_a_photo_of_any_shape(self, shape):
        height, width = shape
        photo = noise(height, width)
        picture = overlay(photo, np.zeros(shape, np.uint8), LABELS, {"background": 1.0})
        assert picture.crop((0, 0, width, height)).tobytes() == photo.tobytes()
        strip = np.asarray(picture)[height:]
        assert strip.min() < 128  # something is written there
        assert picture.width >= 154  # and a word has room

    def test_bands_leave_no_seams(self, monkeypatch):
        photo, mask = noise(90, 50), np.random.default_rng(1).choice([0, 1, 255], (90, 50)).astype(np.uint8)
        mask[20:70, 5:30] = 1
        whole = overlay(photo, mask, LABELS, HALVES)
        monkeypatch.setattr("freeseg.results.overlay.SMALLEST_TILE", 7)
        assert overlay(photo, mask, LABELS, HALVES).tobytes() == whole.tobytes()

    @pytest.mark.parametrize("seed", range(12))
    def test_every_pixel_is_the_blend_of_its_own_label(self, seed):
        """Against the formula for the whole photo at once: tiles of one value, of several, and of "don't know"."""
        rng = np.random.default_rng(seed)
        labels = [*(["background"] if seed % 2 else []), *(f"label {index}" for index in range(280 if seed > 9 else 9))]
        labels = list(reserve_ignore(labels))
        mask = rng.choice([0, 1, 2, 8, 255], (rng.integers(1, 9), rng.integers(1, 9)), p=[0.3, 0.3, 0.2, 0.1, 0.1])
        mask = mask.repeat(rng.integers(1, 60), axis=0).repeat(rng.integers(1, 60), axis=1)
        mask = mask.astype(np.uint16 if len(labels) > 255 else np.uint8)
        photo = noise(*mask.shape)
        expected = blended(np.asarray(photo), mask, labels, size=max(11, round(mask.size**0.5 / 40)))
        found = overlay(photo, mask, labels, {labels[0]: 0.5}, alpha=0.55).crop((0, 0, *photo.size))
        assert np.array_equal(np.asarray(found), expected)

    def test_a_16_bit_mask(self):
        labels = [f"label {index}" for index in range(400)]
        mask = np.full((20, 20), 399, np.uint16)
        picture = overlay(Image.new("RGB", (20, 20)), mask, labels, {"label 399": 1.0}, alpha=1)
        assert picture.getpixel((5, 5)) == tuple(display_palette(labels)[399].tolist())

    def test_the_legend_of_hundreds_of_labels_stays_short(self):
        labels = [f"label {index}" for index in range(250)]
        areas = dict.fromkeys(labels, 1 / 250)
        mask = np.zeros((400, 400), np.uint8)
        heights = [
            overlay(Image.new("RGB", (400, 400)), mask, labels, dict(list(areas.items())[:count])).height
            for count in (41, 250)
        ]
        assert heights[0] == heights[1]

    @pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
    def test_any_label_can_be_drawn(self, text):
        mask = np.ones((50, 50), np.uint8)
        picture = overlay(noise(50, 50), mask, ["background", text], {text: 1.0})
        assert picture.width == 154

    @pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
    def test_alpha_out_of_range(self, alpha):
        with pytest.raises(ValueError, match="opacity"):
            overlay(noise(4, 4), np.zeros((4, 4), np.uint8), LABELS, {}, alpha=alpha)

    def test_mask_of_another_size(self):
        with pytest.raises(ValueError, match="the mask is"):
            overlay(noise(4, 6), np.zeros((6, 4), np.uint8), LABELS, {})
