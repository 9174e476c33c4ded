"""What a photo and words are answered with: JSON, pictures, COCO and a zip, as the library makes them."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from freeseg.files import bytes_sha256
from freeseg.pipeline import FreeSeg
from freeseg.serve.answers import choose_form
from freeseg.serve.problems import Problem
from serving import Serving

WORDS = "cat|kitten, dog, sofa|couch"


def picture_of(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


class TestJson:
    def test_is_what_the_library_finds(self, server: Serving, embedded: FreeSeg, cat: bytes) -> None:
        answer = server.post_form("/v1/segment", [cat], labels=WORDS)
        assert (answer.status, answer.media) == (200, "application/json")
        said, result = answer.json, embedded.segment(cat, WORDS)
        assert said["photo"] == {"id": bytes_sha256(cat), "width": 451, "height": 300}
        assert [(each["label"], each["aliases"]) for each in said["labels"]] == [
            ("cat", ["kitten"]),
            ("dog", []),
            ("sofa", ["couch"]),
        ]
        for each in said["labels"]:
            where = result.label_mask(each["label"])
            assert (coco_mask.decode(each["rle"]) == where).all()
            assert each["share"] == pytest.approx(where.mean(), abs=1e-5)
            assert each["confidence"] == pytest.approx(result.mean_confidence(each["label"]), abs=1e-3)
            assert (each["box"] is None) == (not where.any())
            assert each["color"].startswith("#")
            assert len(each["color"]) == 7
        found = said["labels"][0]
        x, y, width, height = found["box"]
        assert result.label_mask("cat")[y : y + height, x : x + width].sum() == result.label_mask("cat").sum()
        assert said["background"]["share"] == pytest.approx(1 - found["share"], abs=1e-5)
        assert (said["model"], said["unsure"], said["warnings"]) == ("freeseg-lite", 0, [])
        assert said["seconds"] > 0

    def test_a_label_that_is_not_there_is_in_it(self, server: Serving, cat: bytes) -> None:
        said = server.post_form("/v1/segment", [cat], labels="cat, rocket").json["labels"][1]
        assert (said["label"], said["share"], said["confidence"], said["box"]) == ("rocket", 0, 0, None)
        assert coco_mask.decode(said["rle"]).shape == (300, 451)
        assert not coco_mask.decode(said["rle"]).any()

    def test_without_background_every_pixel_has_a_label(self, server: Serving, cat: bytes) -> None:
        said = server.post_form("/v1/segment", [cat], labels="cat, sofa", background="false").json
        assert said["background"] is None
        assert sum(each["share"] for each in said["labels"]) == pytest.approx(1, abs=1e-5)

    def test_a_raw_body_with_words_in_the_query(self, server: Serving, cat: bytes) -> None:
        path = "/v1/segment?labels=cat%7Ckitten,dog&background=0"
        raw = server.ask("POST", path, cat, {"Content-Type": "image/png"}).json
        form = server.post_form("/v1/segment", [cat], labels="cat|kitten, dog", background="no").json
        assert raw["labels"] == form["labels"]

    def test_a_kept_photo_is_answered_alike(self, server: Serving, cat: bytes) -> None:
        id = server.keep(cat)
        kept = server.post_json(f"/v1/photos/{id}/segment", {"labels": ["cat|kitten", "dog", "sofa|couch"]}).json
        sent = server.post_form("/v1/segment", [cat], labels=WORDS).json
        assert {**kept, "seconds": 0} == {**sent, "seconds": 0}

    def test_the_name_of_a_list(self, server: Serving, cat: bytes) -> None:
        listed = server.get("/v1/vocabularies").json["vocabularies"]
        assert {each["name"] for each in listed} == {"common", "voc20", "voc21"}
        said = server.post_form("/v1/segment", [cat], labels="voc20").json["labels"]
        [voc] = [each for each in listed if each["name"] == "voc20"]
        assert ["|".join([each["label"], *each["aliases"]]) for each in said] == voc["labels"]

    def test_more_labels_than_a_byte_holds(self, quick: Serving, noise: bytes) -> None:
        words = ", ".join(f"thing {number}" for number in range(300))
        answer = quick.post_form("/v1/segment", [noise], labels=words)
        assert len(answer.json["labels"]) == 300
        assert sum(each["share"] for each in answer.json["labels"]) <= 1
        mask = quick.post_form("/v1/segment", [noise], accept="image/png", labels=words)
        assert picture_of(mask.body).mode.startswith("I")

    def test_words_that_the_model_does_not_know(self, server: Serving, cat: bytes) -> None:
        said = server.post_form("/v1/segment", [cat], labels="cat, \u16a0\u16a2\u16a6").json
        [warning] = said["warnings"]
        assert "does not know" in warning


class TestPictures:
    def test_the_mask(self, server: Serving, embedded: FreeSeg, cat: bytes) -> None:
        answer = server.post_form("/v1/segment", [cat], accept="image/png", labels=WORDS)
        assert answer.media == "image/png"
        picture = picture_of(answer.body)
        assert picture.mode == "P"
        assert (np.asarray(picture) == embedded.segment(cat, WORDS).mask).all()

    def test_the_overlay_has_a_legend(self, server: Serving, cat: bytes) -> None:
        answer = server.post_form("/v1/segment", [cat], accept="image/jpeg", labels=WORDS)
        assert answer.media == "image/jpeg"
        picture = picture_of(answer.body)
        assert picture.width == 451
        assert picture.height > 300

    @pytest.mark.parametrize("label", ["", "cat"])
    def test_the_cut_out(self, server: Serving, embedded: FreeSeg, cat: bytes, label: str) -> None:
        path = f"/v1/segment?picture=cutout&label={label}"
        answer = server.post_form(path, [cat], labels=WORDS)
        pixels, result = np.asarray(picture_of(answer.body)), embedded.segment(cat, WORDS)
        where = result.label_mask("cat") if label else result.mask != 0
        assert ((pixels[..., 3] == 255) == where).all()
        assert (pixels[where][:, :3] == np.asarray(result.photo)[where]).all()
        assert not pixels[~where].any()  # what is cut away is gone, not merely hidden

    def test_the_outlines(self, server: Serving, cat: bytes) -> None:
        answer = server.post_form("/v1/segment?picture=outlines", [cat], labels=WORDS)
        assert answer.media == "image/jpeg"
        assert picture_of(answer.body).size == (451, 300)

    def test_the_heat_map(self, server: Serving, embedded: FreeSeg, cat: bytes) -> None:
        id = server.keep(cat)
        drawn = server.get(f"/v1/photos/{id}/similarity?label=cat%7Ckitten")
        assert (drawn.media, picture_of(drawn.body).mode, picture_of(drawn.body).size) == (
            "image/png",
            "RGB",
            (451, 300),
        )
        plain = np.asarray(picture_of(server.get(f"/v1/photos/{id}/similarity?label=cat%7Ckitten&plain=1").body))
        assert (plain.shape, plain.dtype, plain.min(), plain.max()) == ((300, 451), np.uint8, 0, 255)
        maps = embedded.similarity(cat, ["cat|kitten"])[0]
        assert np.corrcoef(plain.ravel(), maps.ravel())[0, 1] > 0.999

    def test_all_of_them_in_a_zip(self, server: Serving, cat: bytes) -> None:
        answer = server.post_form("/v1/segment", [("../../etc/cat.png", cat)], "application/zip", labels=WORDS)
        assert answer.media == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == [
                "coco.json",
                "cutouts/001-cat.png",
                "labelme.json",
                "mask.png",
                "outlines.jpg",
                "overlay.jpg",
                "result.json",
            ]
            assert json.loads(archive.read("result.json"))["labels"][0]["label"] == "cat"

    def test_coco(self, server: Serving, cat: bytes) -> None:
        accept = "application/vnd.coco+json"
        answer = server.post_form("/v1/segment", [("cat.png", cat)], accept, labels=WORDS)
        assert answer.media == accept
        dataset = COCO()
        dataset.dataset = answer.json
        dataset.createIndex()
        assert dataset.imgs[1]["file_name"] == "cat.png"
        [annotation] = dataset.loadAnns(dataset.getAnnIds())
        assert dataset.annToMask(annotation).sum() == annotation["area"]

    def test_polygons_for_labelme(self, server: Serving, cat: bytes) -> None:
        accept = "application/vnd.labelme+json"
        answer = server.post_form("/v1/segment", [("cat.png", cat)], accept, labels=WORDS)
        assert (answer.media, answer.json["imagePath"]) == (accept, "cat.png")
        assert {shape["label"] for shape in answer.json["shapes"]} == {"cat"}


class TestForms:
    @pytest.mark.parametrize(
        ("accept", "media"),
        [
            ("", "application/json"),
            ("*/*", "application/json"),
            ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
            ("image/*", "image/png"),
            ("image/jpeg;q=0.5, image/png", "image/png"),
            ("IMAGE/JPEG", "image/jpeg"),
            ("image/jpeg;q=x, application/zip", "application/zip"),
        ],
    )
    def test_the_most_wanted_that_there_is(self, accept: str, media: str) -> None:
        assert choose_form(accept).media == media

    @pytest.mark.parametrize("accept", ["text/csv", "image/png;q=0", ";;,,", "image/webp, audio/*"])
    def test_none_that_there_is(self, accept: str) -> None:
        with pytest.raises(Problem) as refused:
            choose_form(accept)
        assert refused.value.status == 406

    def test_wrong_pictures_are_refused(self, quick: Serving, noise: bytes) -> None:
        for path in ("/v1/segment?picture=photo", "/v1/segment?picture=cutout&label=dog"):
            answer = quick.post_form(path, [noise], labels="cat")
            assert answer.status == 422
            answer.problem()
