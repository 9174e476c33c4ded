"""The page as people use it: from a photo and words to a mask and its files."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from browsing import DESKTOP, PHONE
from freeseg.pipeline import FreeSeg
from serving import Serving

SIZES = [PHONE, DESKTOP]
SAMPLE_WORDS = ["sky", "temple", "tree", "water"]


@pytest.mark.parametrize("size", SIZES)
def test_from_the_sample_over_drop_to_download(visit, size, cat_jpeg: bytes, embedded: FreeSeg) -> None:
    expected = embedded.segment(cat_jpeg, ["cat|kitten", "wall"])
    with visit(size=size) as visitor:
        assert len(visitor.asked) == 1  # the server has segmented the sample photo
        assert sorted(visitor.legend()) == SAMPLE_WORDS
        assert (
            visitor.page.locator("#photo").bounding_box()["width"] > 0.6 * size[0] - 100
        )  # it is what the page is about
        assert "CC BY 2.0" in visitor.page.locator("#credit").inner_text()

        visitor.drop(("my cat.jpg", cat_jpeg))
        visitor.idle()
        assert visitor.chips() == []  # the sample's words say nothing about this photo
        visitor.find("cat|kitten, wall")
        assert visitor.chips() == ["cat kitten", "wall"]
        assert visitor.legend()["cat"] == f"{expected.areas()['cat']:.0%}"

        name, mask = visitor.download("Mask")
        assert name == "my cat.mask.png"
        with Image.open(io.BytesIO(mask)) as image:
            assert np.array_equal(np.asarray(image), expected.mask)
        _, overlay = visitor.download("Overlay")
        with Image.open(io.BytesIO(overlay)) as image:
            assert image.width == expected.photo.width
        _, cutout = visitor.download("Cut-out")
        with Image.open(io.BytesIO(cutout)) as image:
            assert np.array_equal(np.asarray(image)[..., 3] > 127, expected.mask != 0)
        _, coco = visitor.download("COCO")
        assert [each["name"] for each in json.loads(coco)["categories"]] == ["cat", "wall"]
        _, everything = visitor.download("Everything")
        assert "mask.png" in zipfile.ZipFile(io.BytesIO(everything)).namelist()
        name, picture = visitor.download("as it is shown")
        assert name == "my cat.colours.png"
        with Image.open(io.BytesIO(picture)) as image:
            assert image.size == expected.photo.size
        visitor.page.click("#save")
        visitor.page.locator("#save-menu button", has_text="Copy the picture").click()
        visitor.page.locator("#toasts", has_text="Copied.").wait_for()


def test_the_menu_offers_what_the_api_has_and_keeps_the_focus(visit, server: Serving) -> None:
    description = server.get("/openapi.json").json
    operation = description["paths"]["/v1/photos/{id}/segment"]["post"]
    operation["responses"]["200"]["content"]["application/geo+json"] = {}
    with visit() as visitor:
        page = visitor.page
        page.route("**/openapi.json", lambda route: (page.wait_for_timeout(200), route.fulfill(json=description)))
        page.click("#save")
        page.locator("#save-menu button", has_text="Mask").focus()
        page.locator("#save-menu button", has_text="application/geo+json").wait_for()
        assert page.locator("#save-menu button:focus").inner_text().startswith("Mask")


def test_words_are_edited_and_every_step_is_undone(visit) -> None:
    with visit() as visitor:
        page = visitor.page
        assert visitor.chips()[0] == "temple palace · pavilion · pagoda"
        page.locator("#chip-list [data-key=temple]").click()
        page.locator(".chip-edit").fill("tower | temple")
        page.locator(".chip-edit").press("Enter")
        visitor.idle()
        assert visitor.asked[-1][1]["labels"][0] == "tower|temple"
        page.locator("#chip-list li", has_text="water").locator(".chip-remove").click()
        visitor.idle()
        assert visitor.asked[-1][1]["labels"] == ["tower|temple", "tree|trees|leaves", "sky|clouds"]
        page.fill("#words", "person|, boat|")
        page.press("#words", "Enter")
        visitor.idle()
        assert visitor.asked[-1][1]["labels"][-2:] == ["person|", "boat|"]
        assert visitor.chips()[-1] == "boat this word alone"
        page.click("#undo")
        visitor.idle()
        page.locator("label.switch").click()
        visitor.idle()
        assert visitor.asked[-1][1]["background"] is True
        page.fill("#words", "TREE")
        page.press("#words", "Enter")
        assert "in the list already" in page.locator("#words-note").inner_text()

        requests = len(visitor.asked)
        for _ in range(3):
            page.click("#undo")
        visitor.idle()
        assert visitor.chips()[0] == "temple palace · pavilion · pagoda"
        assert sorted(visitor.legend()) == SAMPLE_WORDS
        assert page.locator("#undo").is_disabled()
        page.click("#redo")
        assert visitor.chips()[0] == "tower temple"
        visitor.idle()
        assert len(visitor.asked) == requests  # what was answered once is shown at once


def test_lists_are_taken_and_pasted_and_too_long_ones_are_undone(visit) -> None:
    with visit() as visitor:
        page = visitor.page
        page.select_option("#lists", "voc20")
        visitor.idle()
        assert len(visitor.asked[-1][1]["labels"]) == 20
        assert visitor.asked[-1][1]["background"] is False
        boxes = page.locator("#legend .row[data-key] .box").all()
        colours = [box.evaluate("(box) => box.style.getPropertyValue('--colour')") for box in boxes]
        assert "#ff5470" in colours  # of more words than there are colours, those that were found share the first ones
        assert len(set(colours)) == len(colours)
        page.click("#clear")
        assert "What is to be found?" in page.locator("#hint").inner_text()
        page.locator("#chip-list button", has_text="+ sky").click()
        page.evaluate(
            """() => {
              const transfer = new DataTransfer();
              transfer.setData("text", "roof\\nlake|water; person\\n");
              const event = new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
              document.getElementById("words").dispatchEvent(event);
            }"""
        )
        visitor.idle()
        assert visitor.asked[-1][1]["labels"] == ["sky", "roof", "lake|water", "person"]
        page.fill("#words", ", ".join(f"word {number}" for number in range(300)))
        page.locator("#problem", has_text="300").wait_for()
        page.locator("#problem button", has_text="Undo").click()
        page.locator("#problem").wait_for(state="hidden")
        assert [chip.split()[0] for chip in visitor.chips()] == ["sky", "roof", "lake", "person"]


def test_photos_that_are_taken_or_pasted_and_those_that_only_the_server_can_read(visit, cat_photo: Image.Image) -> None:
    buffer = io.BytesIO()
    cat_photo.save(buffer, "TIFF")
    with visit() as visitor:
        visitor.page.click("#add")
        visitor.page.locator("#add-menu button", has_text="Take a photo").click()
        visitor.page.locator("#camera-dialog button", has_text="Take the photo").click()
        visitor.page.locator("#photo[aria-label='Photo camera.jpg']").wait_for()
        visitor.paste(("scan.tif", buffer.getvalue()))
        visitor.page.locator("#photo[aria-label='Photo scan.tif']").wait_for()
        visitor.find("cat")
        shown = visitor.page.locator("#photo").bounding_box()
        assert shown["width"] / shown["height"] == pytest.approx(451 / 300, rel=0.01)
        assert "cat" in visitor.legend()
        visitor.page.fill("#opacity", "0")
        visitor.page.click("#names")
        small = Image.fromarray(visitor.picture().astype(np.uint8)).resize(cat_photo.size)
        assert np.abs(np.asarray(small, dtype=float) - np.asarray(cat_photo)).mean() < 8


def test_many_photos(visit, cat_jpeg: bytes, cup_jpeg: bytes, server: Serving) -> None:
    with visit() as visitor:
        page = visitor.page
        visitor.drop(("cat.jpg", cat_jpeg), ("broken.jpg", b"\xff\xd8no photo"), ("cup.jpg", cup_jpeg), ("a.txt", b"-"))
        page.locator("#toasts", has_text="1 files are no photos").wait_for()
        visitor.find("cat|kitten, cup|mug")
        page.locator("#strip-text", has_text="3 photos, 1 failed").wait_for()
        states = [item.get_attribute("data-status") for item in page.locator("#strip-list li").all()]
        assert states == ["done", "failed", "done"]

        page.locator("#strip-list .thumb").nth(1).click()
        assert page.locator("#problem h2").inner_text()
        page.locator("#problem button", has_text="Take it out").click()
        assert page.locator("#strip-list li").count() == 2
        page.locator("#toasts button", has_text="Undo").click()
        assert page.locator("#strip-list li").count() == 3

        page.click("#save")
        page.check("#save-all")
        with page.expect_download() as coming:
            page.locator("#save-menu button", has_text="Mask").click()
        with zipfile.ZipFile(coming.value.path()) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == ["cat.mask.png", "cup.mask.png"]
            with Image.open(io.BytesIO(archive.read("cat.mask.png"))) as mask:
                assert mask.size == (451, 300)
