"""Masks as Label Studio has them, read as its own programs read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw

from brushes import decoded
from freeseg.results.label_studio import brush_rle, polygon_points
from freeseg.results.segmentation import Segmentation


@settings(max_examples=100, deadline=None)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.booleans()))
def test_a_brush_holds_the_mask(mask: np.ndarray) -> None:
    channels = decoded(brush_rle(mask)).reshape(*mask.shape, 4)
    assert ((channels == 255) == mask[..., None]).all()
    assert set(np.unique(channels)) <= {0, 255}


def test_long_runs() -> None:
    mask = np.zeros((300, 400), np.bool_)
    mask[10:290] = True
    assert (decoded(brush_rle(mask)).reshape(300, 400, 4)[..., 3] == 255 * mask).all()
    assert brush_rle(mask)[:6] == [0, 7, 83, 0, 57, 27]  # 480,000 values, of 8 bits, in runs of 3, 4, 8 and 16


def test_points_are_in_per_cent() -> None:
    mask = np.zeros((50, 200), np.bool_)
    mask[10:20, 100:150] = mask[30:50, 0:40] = True
    mask[0, 0] = True  # less than a thousandth: left out
    assert polygon_points(mask) == [
        [[0, 60], [20, 60], [20, 100], [0, 100]],
        [[50, 20], [75, 20], [75, 40], [50, 40]],
    ]


def test_a_part_that_is_alone_is_never_left_out() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[3, 4] = True
    assert polygon_points(mask) == [[[4, 3], [5, 3], [5, 4], [4, 4]]]


class TestTask:
    """`STEM.labelstudio.json`: a list of one task, with a prediction."""

    @pytest.fixture
    def result(self) -> Segmentation:
        rows, columns = np.mgrid[:100, :160]
        distance = np.hypot(rows - 50, columns - 50)
        mask = ((distance < 40) & (distance > 15)).astype(np.uint8)
        mask[20:40, 120:150] = 1
        mask[70:95, 100:160] = 2
        confidence = np.full(mask.shape, 0.5, np.float32)
        source = "holiday/my photos/a 1.jpg"
        return Segmentation(
            mask, confidence, ("background", "cat", "dog"), Image.new("RGB", (160, 100)), "a 1.jpg", source=source
        )

    def regions(self, result: Segmentation, folder: Path, **options: bool) -> list[dict[str, Any]]:
        for _ in range(2):  # again: it is FreeSeg's own file
            [path] = result.save(folder, formats="labelstudio", **options)
        assert path.name == "a 1.labelstudio.json"
        [task] = json.loads(path.read_text("utf-8"))
        assert task["data"]["image"] == "/data/local-files/?d=holiday/my%20photos/a%201.jpg"
        [prediction] = task["predictions"]
        assert prediction["score"] == 0.5
        found: list[dict[str, Any]] = prediction["result"]
        assert len({each["id"] for each in found}) == len(found)
        for each in found:
            assert (each["from_name"], each["to_name"]) == ("label", "image")
            assert (each["original_width"], each["original_height"], each["image_rotation"]) == (160, 100, 0)
        return found

    @pytest.mark.parametrize("instances", [False, True])
    def test_brushes(self, result: Segmentation, instances: bool, tmp_path: Path) -> None:
        found = self.regions(result, tmp_path, instances=instances)
        assert [each["value"]["brushlabels"] for each in found] == [["cat"], ["cat"], ["dog"]][not instances :]
        for label in ("cat", "dog"):
            brushes = [
                decoded(each["value"]["rle"]).reshape(100, 160, 4)[..., 3] == 255
                for each in found
                if each["value"]["brushlabels"] == [label]
            ]
            assert (np.sum(brushes, axis=0) == result.mask_of(label)).all()

    def test_polygons(self, result: Segmentation, tmp_path: Path) -> None:
        found = self.regions(result, tmp_path, polygons=True)
        assert [each["value"]["polygonlabels"] for each in found] == [["cat"], ["cat"], ["dog"]]
        for label in ("cat", "dog"):
            picture = Image.new("1", (1_600, 1_000))
            for each in found:
                if each["value"]["polygonlabels"] == [label]:
                    points = [(x * 16 - 0.5, y * 10 - 0.5) for x, y in each["value"]["points"]]
                    ImageDraw.Draw(picture).polygon(points, fill=1)
            drawn = np.asarray(picture)[5::10, 5::10]
            assert drawn.sum() == pytest.approx(result.mask_of(label).sum(), rel=0.01)

    def test_nothing_found(self, tmp_path: Path) -> None:
        mask = np.zeros((2, 3), np.uint8)
        result = Segmentation(mask, np.ones((2, 3), np.float32), ("background", "cat"), Image.new("RGB", (3, 2)))
        [path] = result.save(tmp_path, formats="labelstudio")
        assert json.loads(path.read_text("utf-8"))[0]["predictions"][0] == {
            "model_version": "",
            "score": 0,
            "result": [],
        }
