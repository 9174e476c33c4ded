"""Any text as a picture of one line."""

import numpy as np
import pytest
from PIL import Image

from freeseg.results import lettering
from freeseg.results.lettering import text_line
from pictures import ODD_TEXTS


class TestTextLine:
    INK, PAPER = (0, 0, 0), (255, 255, 255)

    def line(self, text, size=20, widest=200):
        return text_line(text, size=size, widest=widest, ink=self.INK, paper=self.PAPER)

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
