"""The examples that give results to other tools: with these tools, where they are installed."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from freeseg.pipeline import FreeSeg

EXAMPLES = Path(__file__).parents[1] / "examples"
WORDS = "cat|kitten, dog"


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.fixture
def photos(tmp_path: Path, cat_photo: Image.Image) -> Path:
    """A folder with a photo, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    cat_photo.save(folder / "a.png")
    (folder / "b.png").write_bytes(b"no photo")
    return folder


class TestCvat:
    @pytest.fixture
    def function(self, monkeypatch: pytest.MonkeyPatch, embedded: FreeSeg) -> Any:
        pytest.importorskip("cvat_sdk")
        monkeypatch.setattr("freeseg.load", lambda name: embedded, raising=False)
        return example("cvat_function")["create"](labels=WORDS)

    def test_its_labels(self, function: Any) -> None:
        assert [(each.name, each.id) for each in function.spec.labels] == [("cat", 0), ("dog", 1)]

    def test_masks(self, function: Any, embedded: FreeSeg, cat_photo: Image.Image) -> None:
        masks = pytest.importorskip("cvat_sdk.masks")
        context = SimpleNamespace(frame_name="a.png", conf_threshold=None, conv_mask_to_poly=False)
        width, height = cat_photo.size
        covered = np.zeros((2, height, width), np.bool_)
        for shape in function.detect(context, cat_photo):
            assert (shape.type.value, shape.frame) == ("mask", 0)
            covered[shape.label_id] |= masks.decode_mask(shape.points, image_width=width, image_height=height)
        expected = np.zeros_like(covered)  # parts that are too small to be objects are left out
        for each in embedded.segment(cat_photo, WORDS).to_transformers(instances=True):
            expected[("cat", "dog").index(each["label"])] |= np.asarray(each["mask"]) > 0
        assert expected[0].mean() > 0.1
        assert (covered == expected).all()

    def test_polygons_and_a_threshold(self, function: Any, cat_photo: Image.Image) -> None:
        context = SimpleNamespace(frame_name="a.png", conf_threshold=None, conv_mask_to_poly=True)
        shapes = function.detect(context, cat_photo)
        assert shapes
        assert {shape.type.value for shape in shapes} == {"polygon"}
        assert all(len(shape.points) >= 6 and len(shape.points) % 2 == 0 for shape in shapes)
        context.conf_threshold = 1.01
        assert function.detect(context, cat_photo) == []


def test_datasets(photos: Path, tiny: FreeSeg, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    example("to_datasets")["to_dataset"](tiny, [str(photos)], WORDS).save_to_disk(tmp_path / "out")
    [row] = datasets.load_from_disk(tmp_path / "out")
    result = tiny.segment(photos / "a.png", WORDS)
    assert (np.asarray(row["mask"]) == result.mask).all()
    assert (np.asarray(row["photo"]) == np.asarray(result.photo)).all()
    assert (row["labels"], row["found"]) == (list(result.labels), result.found)


def test_fiftyone(photos: Path, tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what stands for FiftyOne, whose database cannot run everywhere: the names and fields that it documents."""

    class Dataset(SimpleNamespace):
        def add_samples(self, samples: list[SimpleNamespace]) -> None:
            self.samples = samples

    stand_in = ModuleType("fiftyone")
    vars(stand_in).update(Dataset=Dataset, Sample=SimpleNamespace, Segmentation=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "fiftyone", stand_in)
    dataset = example("to_fiftyone")["to_dataset"](tiny, [str(photos)], WORDS)
    assert dataset.default_mask_targets == {0: "background", 1: "cat", 2: "dog", 255: "don't know"}
    [sample] = dataset.samples
    assert sample.filepath == str(photos / "a.png")
    assert (sample.freeseg.mask == tiny.segment(photos / "a.png", WORDS).mask).all()
