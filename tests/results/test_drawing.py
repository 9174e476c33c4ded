"""Colour maps of masks and of pictures."""

import numpy as np
import pytest

from freeseg.results.drawing import display_palette, palette

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
