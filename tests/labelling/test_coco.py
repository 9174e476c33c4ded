"""coco.json, read by pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from freeseg.data.free_masks import open_free_masks
from freeseg.labelling.coco import write_coco
from freeseg.mask_values import IGNORE
from freeseg.words import Vocabulary
from masked import WORDS, draw_masks, entry_of

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


def load(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


@pytest.mark.parametrize("words", [WORDS, Vocabulary.of([f"thing {number}" for number in range(300)])])
def test_pycocotools_finds_every_region(words: Vocabulary, tmp_path: Path) -> None:
    labels = words.names[:1]
    entries = [entry_of("ä.jpg", labels=labels), entry_of("b.jpg", width=31, height=17, labels=labels, source="two")]
    drawn = draw_masks(tmp_path, *entries, vocabulary=words)
    told: list[tuple[int, int]] = []
    write_coco(
        open_free_masks(tmp_path), tmp_path / "coco.json", progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 2), (2, 2)]
    coco = load(tmp_path / "coco.json")
    assert [image["file_name"] for image in coco.loadImgs([1, 2])] == ["photos/ä.jpg", "two/b.jpg"]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list(words.names)
    assert len(coco.anns) == sum(len(set(np.unique(each.mask)) - {0, IGNORE}) for each in drawn)
    for number, result in enumerate(drawn, start=1):
        for annotation in coco.loadAnns(coco.getAnnIds([number])):
            value = annotation["category_id"]
            inside = result.mask == value
            assert coco.cats[value]["name"] == result.labels[value]
            assert np.array_equal(coco.annToMask(annotation), inside)
            assert annotation["score"] == pytest.approx(result.confidence[inside].mean(), abs=1e-6)


def test_a_folder_without_photos(tmp_path: Path) -> None:
    draw_masks(tmp_path)
    write_coco(open_free_masks(tmp_path), tmp_path / "coco.json")
    assert json.loads((tmp_path / "coco.json").read_text())["annotations"] == []
    assert load(tmp_path / "coco.json").getImgIds() == []
