"""Colour maps, overlays, heatmaps and lettering: what must hold of every picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from freeseg.results import drawing, lettering
from freeseg.results.drawing import display_palette, heatmap, heatmap_sheet, overlay, palette, similarity_sheet
from freeseg.results.lettering import text_line

ODD_TEXTS = {
    "emoji": "cat 😀👩‍👩‍👧",
    "long": "x" * 10_000,
    "hebrew": "שלום עולם",
    "arabic with marks": "\u202e\u0645\u0631\u062d\u0628\u0627\u200f",
    "newlines": "a\n\n\tb\r\n",
    "controls": "\0\x1b[31m",
    "half a surrogate": "a\ud800b",
    "stacked marks": "Z" + "\u0337\u0328" * 100,
    "empty": "",
    "japanese": "日本語",
}


def noise(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def two_halves(height, width):
    """Background above, label 1 below."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 :] = 1
    return mask


HALVES = {"background": 0.5, "cat": 0.5}
LABELS = ["background", "cat"]


# The colours that the VOC2012 development kit lists for its classes.
VOC = {
    0: (0, 0, 0),
    1: (128, 0, 0),
    2: (0, 128, 0),
    7: (128, 128, 128),
    8: (64, 0, 0),
    15: (192, 128, 128),
    20: (0, 64, 128),
    255: (224, 224, 192),
}


class TestPalette:
    def test_colours_of_the_voc_kit(self):
        colours = palette()
        assert {index: tuple(colours[index].tolist()) for index in VOC} == VOC

    def test_all_256_differ(self):
        assert len(np.unique(palette(256), axis=0)) == 256

    @pytest.mark.parametrize("n", [0, 1, 300])
    def test_shape(self, n):
        assert palette(n).shape == (n, 3)
        assert palette(n).dtype == np.uint8


class TestDisplayPalette:
    def test_sixty_labels_differ_from_each_other_and_from_dont_know(self):
        colours = display_palette(["background", *map(str, range(60))])
        assert len(np.unique(colours[[*range(61), 255]], axis=0)) == 62

    def test_a_label_keeps_its_colour_when_background_is_on(self):
        without, with_background = display_palette(["cat", "dog"]), display_palette(["background", "cat", "dog"])
        assert np.array_equal(without[:2], with_background[1:3])

    def test_more_than_256_labels_have_colours(self):
        assert display_palette([str(index) for index in range(1000)]).shape == (1000, 3)


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
        monkeypatch.setattr(drawing, "_BAND_PIXELS", 50 * 7)
        assert overlay(photo, mask, LABELS, HALVES).tobytes() == whole.tobytes()

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
            overlay(noise(4, 4), np.zeros((4, 4), np.uint8), LABELS, {}, alpha)

    def test_mask_of_another_size(self):
        with pytest.raises(ValueError, match="the mask is"):
            overlay(noise(4, 6), np.zeros((6, 4), np.uint8), LABELS, {})


class TestHeatmap:
    def test_higher_is_lighter_all_the_way(self):
        values = np.linspace(0, 1, 64)[None].repeat(2, axis=0)
        picture = heatmap(values, Image.new("RGB", (64, 2), (128, 128, 128))).convert("L")
        lightness = np.asarray(picture)[0].astype(int)
        # The colour map is over a grey, fading in: its darkest step may dip below the grey, then it only rises.
        assert (np.diff(lightness[8:]) >= -1).all()
        assert lightness[-1] - lightness[0] > 80

    def test_the_ends_are_the_ends_of_the_colour_map(self):
        picture = np.asarray(heatmap(np.array([[0.0, 1.0]]), Image.new("RGB", (2, 1), (100, 100, 100))))
        assert picture[0, 0].tolist() == [50, 50, 52]  # half (0, 0, 4) over grey
        assert np.abs(picture[0, 1] - (0.8 * np.array([252, 255, 164]) + 20)).max() <= 0.51

    def test_a_small_map_is_enlarged_smoothly(self):
        picture = np.asarray(heatmap(np.array([[0.0, 1.0]]), Image.new("RGB", (40, 10))))
        assert picture.shape == (10, 40, 3)
        assert len(np.unique(picture[0], axis=0)) > 10

    def test_a_photo_of_another_mode(self):
        assert heatmap(np.zeros((5, 5)), Image.new("RGBA", (5, 5))).mode == "RGB"

    def test_bands_leave_no_seams(self, monkeypatch):
        values, photo = np.random.default_rng(0).random((40, 30)), noise(40, 30)
        whole = heatmap(values, photo)
        monkeypatch.setattr(drawing, "_BAND_PIXELS", 30 * 7)
        assert heatmap(values, photo).tobytes() == whole.tobytes()

    @pytest.mark.parametrize(
        "values",
        [np.full((2, 2), np.nan), np.full((2, 2), 1.01), np.full((2, 2), -0.01), np.zeros(4), np.zeros((0, 2))],
        ids=["nan", "above", "below", "1-D", "empty"],
    )
    def test_what_is_no_map_is_refused(self, values):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            heatmap(values, noise(2, 2))


class TestHeatmapSheet:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 6, 12, 30])
    @pytest.mark.parametrize("size", [(60, 40), (40, 60)])
    def test_the_grid_is_landscape_and_well_filled(self, count, size):
        width, height = heatmap_sheet(Image.new("RGB", size), {str(n): np.zeros((3, 3)) for n in range(count)}).size
        tile = 200 * 200 * 40 / 60
        assert width * height < 3.2 * (count + 1) * tile
        if count >= 3:
            assert 0.8 < width / height < 3

    def test_the_photo_comes_first_and_tiles_are_at_most_480_pixels(self):
        sheet = heatmap_sheet(Image.new("RGB", (4000, 3000), (0, 0, 255)), {"cat": np.ones((3, 4))})
        blue = (np.asarray(sheet) == (0, 0, 255)).all(axis=-1)
        rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
        assert (columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1) == (480, 360)
        assert columns[0] < sheet.width / 4

    def test_hundreds_of_labels_take_no_more_room_than_dozens(self):
        photo, values = Image.new("RGB", (480, 480)), np.zeros((2, 2))
        sheet = heatmap_sheet(photo, {str(number): values for number in range(400)})
        assert sheet.width * sheet.height < 1.6 * 36 * 480 * 480

    @pytest.mark.parametrize("size", [(2000, 3), (3, 2000), (1, 1)])
    def test_photos_of_any_shape_and_odd_labels(self, size):
        assert heatmap_sheet(Image.new("RGB", size), {text: np.eye(3) for text in ODD_TEXTS.values()}).width >= 200

    def test_a_map_out_of_range_is_refused(self):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            heatmap_sheet(noise(4, 4), {"cat": np.full((2, 2), 2.0)})


class TestSimilaritySheet:
    def test_every_map_is_drawn_from_its_own_least_to_its_most(self):
        photo, steps = noise(40, 30), np.array([[0.0, 0.4], [0.25, 1.0]])
        sheet = similarity_sheet(photo, {"cat": 0.25 * steps - 0.1, "dog": 8 * steps + 3})
        titled = {"cat (-0.10 to 0.15)": steps, "dog (3.00 to 11.00)": steps}
        assert sheet.tobytes() == heatmap_sheet(photo, titled).tobytes()

    @pytest.mark.parametrize("value", [0.0, -5.0, 1e6])
    def test_a_constant_map_is_dark(self, value):
        photo = noise(40, 30)
        sheet = similarity_sheet(photo, {"cat": np.full((2, 3), value, np.float32)})
        expected = heatmap_sheet(photo, {f"cat ({value:.2f} to {value:.2f})": np.zeros((2, 3))})
        assert sheet.tobytes() == expected.tobytes()

    @given(st.integers(0, 2**31), st.floats(1e-3, 1e6), st.floats(-1e3, 1e3))
    @settings(max_examples=20, deadline=None)
    def test_no_range_is_refused(self, seed, scale, shift):
        values = (scale * np.random.default_rng(seed).normal(size=(3, 4)) + shift).astype(np.float32)
        assert similarity_sheet(Image.new("RGB", (8, 6)), {"cat": values}).mode == "RGB"


class TestTextLine:
    INK, PAPER = (0, 0, 0), (255, 255, 255)

    def line(self, text, size=20, widest=200):
        return text_line(text, size, widest, self.INK, self.PAPER)

    @pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
    def test_any_text_fits(self, text):
        picture = self.line(text)
        assert picture.width <= 200
        assert picture.height == 28

    def test_long_text_is_cut_near_the_edge_and_ends_in_an_ellipsis(self):
        picture = self.line("m" * 500)
        assert 180 < picture.width <= 200
        dots = np.asarray(picture.convert("L"))[:, -14:].min(axis=1) < 128
        assert dots.any()
        assert not dots[:14].any()  # ink on the base line only, unlike a letter

    def test_line_breaks_read_as_spaces_and_controls_as_nothing(self):
        assert self.line("a\nb\x07").tobytes() == self.line("a b").tobytes()

    def test_what_fits_is_whole(self):
        font = lettering._font("", 60)
        assert abs(self.line("a tabby cat").width - font.getlength("a tabby cat") / 3) <= 1

    def test_another_font_is_tried_for_what_pillows_lacks(self):
        if lettering._font("DejaVuSans.ttf", 16) is None:
            pytest.skip("needs the DejaVu fonts")
        assert lettering._best_font("cat") == ""
        assert lettering._best_font("кот") == "DejaVuSans.ttf"

    def test_without_other_fonts_the_default_draws_boxes(self, monkeypatch):
        monkeypatch.setattr(lettering, "_FONTS", ("", "no such font.ttf"))
        assert lettering._best_font("кот") == ""
        assert self.line("кот").convert("L").getextrema()[0] < 128

    def test_text_never_leaves_its_line(self):
        """Marks stacked sky-high are cut off, so that they reach neither photo nor neighbour."""
        canvas = Image.new("RGB", (300, 90), self.PAPER)
        canvas.paste(self.line(ODD_TEXTS["stacked marks"]), (0, 30))
        ink = np.asarray(canvas.convert("L")) < 255
        assert ink[30:58].any()
        assert not ink[:30].any()
        assert not ink[58:].any()
