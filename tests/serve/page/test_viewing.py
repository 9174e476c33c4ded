"""How masks are shown: what the controls do to the picture, and what the pointer tells."""

from __future__ import annotations

import numpy as np

from browsing import PHONE


def test_controls_change_the_picture(visit) -> None:
    with visit() as visitor:
        page = visitor.page
        page.click("#names")
        half = visitor.picture()
        page.fill("#opacity", "100")
        full = visitor.picture()
        page.fill("#opacity", "0")
        photo = visitor.picture()  # and nothing on it
        assert np.abs(full - photo).mean() > 1.5 * np.abs(half - photo).mean() > 15
        page.fill("#opacity", "50")

        visitor.mode("outlines")
        outlines = visitor.picture()
        changed = np.abs(outlines - photo).max(axis=2) > 40
        assert 0.005 < changed.mean() < 0.15  # lines, and the photo between them
        page.click("#names")
        assert np.abs(visitor.picture() - outlines).mean() > 0.1  # the words are written on it
        page.click("#names")

        visitor.mode("similarity")
        page.wait_for_function("() => document.querySelector('#heat-label').value === 'temple'")
        page.wait_for_load_state("networkidle")
        temple = visitor.picture()
        page.select_option("#heat-label", "sky")
        page.wait_for_load_state("networkidle")
        sky = visitor.picture()
        top, middle = sky[:80].mean(), temple[300:400, 200:400].mean()
        assert top > temple[:80].mean() + 20  # similarity is bright where the word fits
        assert middle > sky[300:400, 200:400].mean() + 20

        visitor.mode("colours")
        page.click("#compare")
        page.locator("#split-range").fill("50")
        split = visitor.picture()
        centre = split.shape[1] // 2
        assert np.array_equal(split[:, : centre - 3], photo[:, : centre - 3])
        assert np.array_equal(split[:, centre + 3 :], half[:, centre + 3 :])
        box = page.locator("#photo").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=3)
        page.mouse.up()
        assert page.locator("#split-range").input_value() == "90"
        assert page.locator("#legend .is-hidden").count() == 0  # drawing the slider is no click on the photo


def test_pointing_tells_and_the_legend_hides_and_isolates(visit) -> None:
    with visit() as visitor:
        page = visitor.page
        name, about = visitor.hover(0.5, 0.05).splitlines()
        assert name == "sky"
        assert about == f"{visitor.row('sky').locator('.row-sure').inner_text()} · 36% of the photo"
        assert "is-lit" in visitor.row("sky").get_attribute("class")
        visitor.row("tree").hover()
        assert "is-lit" in visitor.row("tree").get_attribute("class")
        page.mouse.move(0, 0)
        every = visitor.picture()
        visitor.row("sky").locator(".row-eye").click()
        without = visitor.picture()
        assert np.abs(without - every)[:100].mean() > 10  # the sky is at the top
        assert visitor.row("sky").locator(".row-eye").get_attribute("aria-pressed") == "false"
        visitor.row("temple").locator(".row-act").first.click()
        assert page.locator("#legend .is-hidden").count() == 3
        name, _ = visitor.download("Cut-out of temple")
        assert name == "temple.cutout.png"
        page.click("#undo")
        page.click("#undo")
        page.mouse.move(0, 0)
        assert np.array_equal(visitor.picture(), every)
        box = page.locator("#photo").bounding_box()
        page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.05 * box["height"])
        assert page.locator("#legend .is-hidden").count() == 3  # a click on the sky shows it alone
        page.click("#show-all")
        assert page.locator("#legend .is-hidden").count() == 0
        visitor.mode("cutout")
        assert "Click on one" in page.locator("#hint").inner_text()


def test_a_finger_first_tells_and_then_isolates(visit) -> None:
    with visit(size=PHONE) as visitor:
        assert visitor.tap(0.5, 0.05).startswith("sky")
        assert visitor.page.locator("#legend .is-hidden").count() == 0
        visitor.tap(0.5, 0.05)
        assert visitor.page.locator("#legend .is-hidden").count() == 3
