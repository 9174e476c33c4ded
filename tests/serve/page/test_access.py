"""The page without a mouse, for a screen reader, enlarged, and in both colour schemes."""

from __future__ import annotations

import io
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

import freeseg
from browsing import DESKTOP, PHONE, Visitor, content_of

COLOURS = Path(freeseg.__file__).parent / "serve" / "page" / "js" / "colours.js"
# Colour blindness in linear RGB: Machado, Oliveira and Fernandes (2009), table of severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def faults(visitor: Visitor) -> list[str]:
    """What axe-core finds that is serious."""
    response = Axe().run(visitor.page).response
    found: list[dict[str, Any]] = response["violations"]
    assert len(response["passes"]) > 15
    return [
        f"{each['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(("size", "dark", "opens"), [(DESKTOP, False, "#code"), (PHONE, True, "#save")])
def test_axe_finds_nothing_serious(visit, size, dark: bool, opens: str) -> None:
    with visit(size=size, dark=dark) as visitor:
        visitor.row("sky").locator(".row-act").first.click()
        visitor.page.click("#compare")
        visitor.mode("similarity")
        assert not faults(visitor)
        visitor.page.click(opens)
        assert not faults(visitor)


@pytest.mark.parametrize(("size", "dark", "opens"), [(PHONE, False, "#add"), (DESKTOP, True, "#help")])
def test_axe_finds_nothing_serious_where_something_failed(visit, size, dark, opens: str, cat_jpeg: bytes) -> None:
    with visit(size=size, dark=dark) as visitor:
        page = visitor.page
        visitor.drop(("broken.jpg", b"\xff\xd8"), ("cat.jpg", cat_jpeg))
        page.locator("#problem").wait_for()
        assert not faults(visitor)
        page.locator("#strip-list .thumb").nth(1).click()
        page.locator("#hint", has_text="What is to be found?").wait_for()
        page.click(opens)
        assert not faults(visitor)


def test_everything_by_keyboard(visit, cat_jpeg: bytes) -> None:
    with visit() as visitor:
        page = visitor.page

        def focused() -> str:
            return page.evaluate("() => document.activeElement.getAttribute('aria-label') || document.activeElement.id")

        def tab_to(wanted: str) -> None:
            for _ in range(60):
                if focused() == wanted:
                    return
                page.keyboard.press("Tab")
            raise AssertionError(f"Tab never comes to {wanted}")

        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the link that skips to the words
        assert focused() == "Add words"
        for words, chip in (("boat|ship", "boat ship"), ("lawn", "lawn")):  # the second is typed over the first
            page.keyboard.type(words)
            page.keyboard.press("Enter")
            visitor.idle()
            assert visitor.chips()[-1] == chip
            page.keyboard.press("ArrowLeft")
            if chip != "lawn":
                page.keyboard.press("Enter")
        page.keyboard.press("Delete")
        visitor.idle()
        assert "lawn" not in visitor.chips()
        page.keyboard.press("Control+z")
        assert visitor.chips()[-1] == "lawn"
        page.keyboard.press("Control+Shift+z")
        visitor.idle()
        assert "lawn" not in visitor.chips()

        tab_to("Show sky alone")
        page.keyboard.press("Enter")
        assert page.locator("#legend .is-hidden").count() == 3
        assert focused() == "Show sky alone"  # drawing the legend anew takes nobody's place
        page.keyboard.press("Enter")

        page.keyboard.press("Escape")
        page.locator(".skip").focus()
        tab_to("Photo temple.jpg")
        for _ in range(4):
            page.keyboard.press("Shift+ArrowUp")
        assert re.fullmatch(r"sky, \d+% sure, 36% of the photo", page.locator("#live").inner_text().strip())
        page.keyboard.press("Enter")
        assert page.locator("#legend .is-hidden").count() == 3
        page.keyboard.press("Escape")
        assert page.locator("#legend .is-hidden").count() == 0
        page.keyboard.press("2")
        assert page.locator("input[value=outlines]").is_checked()
        page.keyboard.press("c")
        assert page.locator("#compare").get_attribute("aria-pressed") == "true"

        page.locator(".skip").focus()
        tab_to("Download")
        page.keyboard.press("Enter")
        page.locator("#save-menu button", has_text="Mask").focus()
        with page.expect_download() as coming:
            page.keyboard.press("Enter")
        with Image.open(io.BytesIO(content_of(coming.value)[1])) as mask:
            assert mask.size == (640, 427)
        page.locator(".skip").focus()
        tab_to("Copy as code")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        assert focused() == "Copy as code"


def test_it_fits_narrow_and_enlarged_windows(visit) -> None:
    """320 pixels, 1440x900 at 200 %, and a phone on its side: nothing is cut off, or scrolls sideways."""
    with visit() as visitor:
        page = visitor.page
        for width, height in [(320, 640), (720, 450), (844, 390)]:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(100)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width
            box = page.locator("#photo").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] > 100
            page.locator("#legend .row").last.scroll_into_view_if_needed()
            row = visitor.row("water").locator(".row-act").last.bounding_box()
            assert row["x"] + row["width"] <= width


def test_colour_blind_people_tell_the_colours_apart() -> None:
    hexes = re.findall(r'"#([0-9a-f]{6})"', COLOURS.read_text("utf-8").partition("];")[0])
    assert len(hexes) == 12
    colours = np.array([[int(each[place : place + 2], 16) for place in (0, 2, 4)] for each in hexes]) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    for matrix in BLINDNESS.values():
        seen = (linear @ np.transpose(matrix)).clip(0, 1)
        seen = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
        lab = rgb2lab(seen[None])[0]
        apart = {pair: deltaE_ciede2000(lab[pair[0]], lab[pair[1]]) for pair in combinations(range(12), 2)}
        assert min(apart.values()) > 10
        assert min(value for (_, second), value in apart.items() if second < 8) > 15
