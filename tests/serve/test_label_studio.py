"""Label Studio's calls, with the requests of its documentation."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from brushes import decoded
from freeseg.pipeline import FreeSeg
from freeseg.serve.label_studio import read_interface, read_photo_of_task
from freeseg.serve.problems import Problem
from freeseg.serve.settings import Access, Limits
from serving import Answer, Serving, serving

BRUSH = """
<View>
  <!-- as in the documentation of the tag -->
  <Image name="image" value="$image" zoom="true"/>
  <BrushLabels name="tag" toName="image">
    <Label value="Cat" background="#FFA39E" predicted_values="cat,kitten"/>
    <Label value="dog" background="#D4380D"/>
    <Label value="Background"/>
  </BrushLabels>
</View>
"""
POLYGON = BRUSH.replace("BrushLabels", "PolygonLabels")


def uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def asked(photos: list[object], config: str = BRUSH) -> dict[str, Any]:
    """A request to /predict, as Label Studio sends it."""
    return {
        "tasks": [
            {
                "id": number,
                "data": {"image": photo},
                "meta": {},
                "created_at": "2023-03-02T10:21:30.123456Z",
                "is_labeled": False,
                "overlap": 1,
                "inner_id": number,
                "total_annotations": 0,
                "project": 1,
                "annotations": [],
                "predictions": [],
            }
            for number, photo in enumerate(photos, start=1)
        ],
        "project": "1.1677750000",
        "label_config": config,
        "params": {"login": None, "password": None, "context": None},
    }


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, cat: bytes) -> Path:
    """A folder of Label Studio's photos, and a file beside it that is none of them."""
    folder = tmp_path_factory.mktemp("label-studio") / "media"
    (folder / "upload" / "1").mkdir(parents=True)
    (folder / "upload" / "1" / "a cat.png").write_bytes(cat)
    (folder.parent / "secret.png").write_bytes(cat)
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    return folder


@pytest.fixture(scope="module")
def with_folder(embedded: FreeSeg, library: Path) -> Iterator[Serving]:
    """A server that may read that folder."""
    limits = Limits(max_megabytes=1, stop_seconds=1)
    with serving(embedded, limits, Access(port=0, photos=library)) as running:
        yield running


class TestSetup:
    def test_says_which_model_answers(self, server: Serving, embedded: FreeSeg) -> None:
        request = {
            "project": "1.1677750000",
            "schema": BRUSH,
            "hostname": "http://localhost:8080",
            "access_token": "0123456789",
            "extra_params": {},
        }
        version = f"freeseg-lite-{embedded.weights_sha256[:8]}"
        assert server.post_json("/setup", request).json == {"model_version": version}
        assert server.post_json("/setup", {}).json == {"model_version": version}
        assert server.get("/health").status == 200

    def test_refuses_what_it_cannot_fill_in(self, server: Serving) -> None:
        answer = server.post_json("/setup", {"schema": "<View><Text name='t' value='$text'/></View>"})
        assert answer.status == 422
        assert "BrushLabels" in answer.problem()["fix"]


class TestPredict:
    def regions(self, answer: Answer) -> list[Any]:
        assert answer.status == 200, answer.body
        [found] = answer.json["results"]
        assert found["model_version"].startswith("freeseg-lite-")
        assert 0 < found["score"] <= 1
        for region in found["result"]:
            assert (region["from_name"], region["to_name"]) == ("tag", "image")
            assert (region["original_width"], region["original_height"], region["image_rotation"]) == (451, 300, 0)
            assert region["value"][region["type"]] == ["Cat"]
            assert region["id"]
        return list(found["result"])

    def test_brushes(self, server: Serving, embedded: FreeSeg, cat: bytes) -> None:
        [region] = self.regions(server.post_json("/predict", asked([uri(cat)])))
        assert region["type"] == "brushlabels"
        assert region["value"]["format"] == "rle"
        alpha = decoded(region["value"]["rle"]).reshape(300, 451, 4)[..., 3]
        assert ((alpha == 255) == embedded.segment(cat, "cat|kitten, dog").label_mask("cat")).all()

    def test_polygons(self, server: Serving, embedded: FreeSeg, cat: bytes) -> None:
        regions = self.regions(server.post_json("/predict", asked([uri(cat)], POLYGON)))
        picture = Image.new("L", (451, 300))
        for region in regions:
            assert region["type"] == "polygonlabels"
            assert region["value"]["closed"]
            points = [(x * 4.51 - 0.5, y * 3 - 0.5) for x, y in region["value"]["points"]]
            ImageDraw.Draw(picture).polygon(points, fill=1)
        drawn, where = np.asarray(picture) > 0, embedded.segment(cat, "cat|kitten, dog").label_mask("cat")
        assert (drawn & where).sum() / (drawn | where).sum() > 0.97

    def test_a_kept_photo(self, server: Serving, cat: bytes) -> None:
        assert self.regions(server.post_json("/predict", asked([server.keep(cat)])))
        answer = server.post_json("/predict", asked(["0" * 64]))
        assert answer.status == 422
        answer.problem()

    @pytest.mark.parametrize(
        "address",
        [
            "/data/upload/1/a%20cat.png",
            "http://localhost:8080/data/upload/1/a%20cat.png?token=1",
            "/data/local-files/?d=upload/1/a%20cat.png",
            "upload/1/a cat.png",
        ],
    )
    def test_a_photo_of_its_folder(self, with_folder: Serving, address: str) -> None:
        assert self.regions(with_folder.post_json("/predict", asked([address])))

    def test_one_that_fails_costs_no_other(self, with_folder: Serving, cat: bytes) -> None:
        answer = with_folder.post_json("/predict", asked(["/data/upload/1/none.png", uri(cat), None, uri(b"no photo")]))
        results = answer.json["results"]
        assert [bool(each["result"]) for each in results] == [False, True, False, False]
        assert all("fix" in each["problem"] for each in results if not each["result"])

    @pytest.mark.parametrize(
        "request_",
        [
            [],
            {},
            {"tasks": []},
            {"tasks": [1], "label_config": BRUSH},
            {"tasks": [{}]},
            {"tasks": [{}], "label_config": "<View>"},
            {"tasks": [{}], "label_config": "<View/>"},
            {"tasks": [{}], "label_config": 3},
            {"tasks": [{}], "label_config": BRUSH},
            {"tasks": [{"data": {"image": 3}}], "label_config": BRUSH},
            {"tasks": [{"data": {"image": "data:image/png;base64,???"}}], "label_config": BRUSH},
            {"tasks": [{"data": {"image": "https://example.org/a.png"}}], "label_config": BRUSH},
        ],
    )
    def test_what_is_not_as_expected(self, server: Serving, request_: object) -> None:
        answer = server.post_json("/predict", request_)
        assert answer.status == 422
        answer.problem()

    def test_too_many_tasks(self, server: Serving) -> None:
        answer = server.post_json("/predict", asked(["x"] * 65))
        assert answer.status == 413
        answer.problem()


class TestFolder:
    @pytest.mark.parametrize(
        "address",
        [
            "/data/../secret.png",
            "/data/local-files/?d=../secret.png",
            "/data/local-files/?d=/etc/passwd",
            "/data/local-files/",
            "/data/%2e%2e/secret.png",
            "/data/link.png",
            "/data/upload/1",
            "/data/upload/1/\0",
            "file:///etc/passwd",
            "/etc/passwd",
            "http://[",
            "s3://bucket/a.png",
            "/data/" + "a" * 5000,
        ],
    )
    def test_nothing_else_is_read(self, library: Path, address: str) -> None:
        with pytest.raises(Problem) as refused:
            read_photo_of_task(address, library, 10**9)
        assert refused.value.status == 422
        assert str(library) not in str(refused.value.to_dict())

    def test_nothing_at_all_without_a_folder(self) -> None:
        for address in ("/data/upload/1/a.png", "https://example.org/a.png", os.fspath(Path(__file__))):
            with pytest.raises(Problem, match="nothing is fetched"):
                read_photo_of_task(address, None, 10**9)

    def test_no_file_that_is_too_large(self, library: Path) -> None:
        with pytest.raises(Problem, match="too large"):
            read_photo_of_task("/data/upload/1/a cat.png", library, 1000)


class TestInterface:
    def test_words_of_a_label(self) -> None:
        found = read_interface(BRUSH)
        assert (found.kind, found.from_name, found.to_name, found.field) == ("brushlabels", "tag", "image", "image")
        assert (found.values, found.words) == (("Cat", "dog"), ("cat|kitten", "dog"))

    def test_the_first_tag_that_can_be_filled_in(self) -> None:
        config = (
            '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="x"/></Choices>'
            '<Image name="i" value="$photo"/><BrushLabels name="empty" toName="i"/>'
            '<PolygonLabels name="p" toName="i"><Label value="sofa"/></PolygonLabels></View>'
        )
        assert read_interface(config).from_name == "p"

    @pytest.mark.parametrize(
        "config",
        [
            "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><View>&a;</View>",
            '<!DOCTYPE x SYSTEM "file:///etc/passwd"><View/>',
            "<View>" * 20_000,
            "<View/>" + " " * 300_000,
            "",
            "\ud800",
            '<View><BrushLabels name="b" toName="i"><Label value="cat"/></BrushLabels></View>',
            '<View><Image name="i" value="https://example.org/a.png"/>'
            '<BrushLabels name="b" toName="i"><Label value="cat"/></BrushLabels></View>',
        ],
    )
    def test_what_is_refused(self, config: str) -> None:
        with pytest.raises(Problem) as refused:
            read_interface(config)
        assert refused.value.status == 422
