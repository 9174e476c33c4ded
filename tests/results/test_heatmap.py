"""Heatmaps and sheets of them: what must hold of every one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from freeseg.results import drawing
from freeseg.results.heatmap import heatmap, heatmap_sheet, similarity_sheet
from pictures import ODD_TEXTS, noise


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
        monkeypatch.setattr(drawing, "BAND_PIXELS", 30 * 7)
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
