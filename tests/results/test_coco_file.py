"""The COCO dataset of a run, and objects as polygons and codes, read by pycocotools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from freeseg.errors import OutputError
from freeseg.results.coco import MOST_PARTS
from freeseg.results.coco_file import CocoFile
from freeseg.results.objects import Objects
from freeseg.results.segmentation import Segmentation

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
LABELS = ("background", "ring", "block")
WAYS = [Objects(instances, min_area=0, polygons=polygons) for instances in (False, True) for polygons in (False, True)]


def result(name: str, shift: int = 0) -> Segmentation:
    """Two rings of label 1, and a block of label 2."""
    rows, columns = np.mgrid[:120, :200]
    mask = np.zeros((120, 200), np.uint8)
    for x, outer, inner in ((60 + shift, 50, 20), (160, 30, 12)):
        distance = np.hypot(rows - 60, columns - x)
        mask[(distance < outer) & (distance > inner)] = 1
    mask[:20, 150:] = 2
    confidence = np.where(columns < 120, 0.5, 1).astype(np.float32)
    return Segmentation(mask, confidence, LABELS, Image.new("RGB", (200, 120)), name, source=f"photos/{name}")


def read(path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    coco = COCO(path)
    capsys.readouterr()
    return coco


@pytest.mark.parametrize("objects", WAYS)
def test_all_photos_of_a_run(objects: Objects, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [result("a.jpg"), result("b.jpg", shift=-5)]
    written = CocoFile(tmp_path / "all.json", LABELS, objects)
    for each in results:
        written.add(each, each.name)
    written.check(overwrite=False)
    written.write()
    CocoFile(tmp_path / "all.json", LABELS, objects).check(overwrite=False)  # it is FreeSeg's own
    coco = read(tmp_path / "all.json", capsys)
    assert [image["file_name"] for image in coco.loadImgs([1, 2])] == ["photos/a.jpg", "photos/b.jpg"]
    assert [each["name"] for each in coco.loadCats([1, 2])] == ["ring", "block"]
    assert list(coco.anns) == list(range(1, (7 if objects.instances else 5)))
    for number, each in enumerate(results, start=1):
        for value in (1, 2):
            annotations = coco.loadAnns(coco.getAnnIds([number], [value]))
            assert len(annotations) == (2 if value == 1 and objects.instances else 1)
            drawn = np.sum([coco.annToMask(annotation) for annotation in annotations], axis=0)
            where = each.mask == value
            assert drawn.max() == 1
            if objects.polygons:
                assert drawn.sum() == pytest.approx(where.sum(), rel=0.01)
                assert (drawn & where).sum() > 0.97 * where.sum()
                assert all(isinstance(annotation["segmentation"], list) for annotation in annotations)
            else:
                assert (drawn == where).all()
            assert sum(annotation["area"] for annotation in annotations) == where.sum()
            assert all(annotation["iscrowd"] == 0 for annotation in annotations)


def test_boxes_and_scores_are_those_of_the_parts() -> None:
    large, small, block = result("a.jpg").to_coco(instances=True)["annotations"]
    assert large["bbox"] == [11, 11, 99, 99]
    assert large["score"] == 0.5
    assert small["bbox"] == [131, 31, 59, 59]
    assert small["score"] == block["score"] == 1


def test_ids_of_parts_differ_between_photos() -> None:
    ids = [
        each["id"] for number in (0, 1, 2, 7) for each in result("a.jpg").to_coco(number, instances=True)["annotations"]
    ]
    assert len(set(ids)) == len(ids) == 12
    assert min(ids) == 1
    assert ids[:3] == [MOST_PARTS + 1, MOST_PARTS + 2, MOST_PARTS + 3]


def test_small_parts_can_be_left_out() -> None:
    found = result("a.jpg").to_coco(instances=True, min_area=0.1)["annotations"]
    assert [each["category_id"] for each in found] == [1]


def test_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = Segmentation(np.zeros((2, 3), np.uint8), np.ones((2, 3), np.float32), LABELS, Image.new("RGB", (3, 2)))
    for objects in WAYS:
        written = CocoFile(tmp_path / "all.json", LABELS, objects)
        written.add(empty, "photo")
        written.write()
        coco = read(tmp_path / "all.json", capsys)
        assert (len(coco.imgs), len(coco.anns), len(coco.cats)) == (1, 0, 2)


@pytest.mark.parametrize("content", ['{"images": []}', "", "mine"])
def test_another_file_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(
        OutputError, match=r"mine\.json is there, and is no COCO dataset of FreeSeg; name another, or --ov"
    ):
        CocoFile(path, LABELS, Objects()).check(overwrite=False)
    CocoFile(path, LABELS, Objects()).check(overwrite=True)
