"""Pictures of photos: the right photo, the right colours, the right numbers, the right map."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import SIZES, draw_voc, redraw_mask
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.errors import DataError
from freeseg.evaluation import evaluate
from freeseg.evaluation.metrics.metric import Prediction
from freeseg.evaluation.protocols import protocol
from freeseg.evaluation.report.gallery import LONGEST_SIDE, PhotoPictures, draw_photo, gallery
from freeseg.pipeline import FreeSeg
from freeseg.results.drawing import display_palette
from freeseg.results.heatmap import heatmap

CLASSES = ("background", "cat", "dog", "cow")
TRUTH = np.array([[0, 0, 1, 1], [0, 255, 2, 2]], np.uint8)
MASK = np.array([[0, 3, 1, 2], [0, 1, 2, 255]], np.uint8)
PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (2, 4, 3), dtype=np.uint8))
MAPS = np.random.default_rng(1).random((3, 1, 2), dtype=np.float32)


def data(classes: tuple[str, ...] = CLASSES) -> SegmentationData:
    return SegmentationData("mine", classes, classes[0] == "background", (), np.arange(256, dtype=np.uint8))


def show(truth: np.ndarray = TRUTH, mask: np.ndarray = MASK, best: bool = False) -> PhotoPictures:
    prediction = Prediction(mask, np.ones(mask.shape, np.float32), MAPS)
    return draw_photo("a", PHOTO, truth, prediction, data(), best=best)


class TestDrawPhoto:
    def test_masks_are_in_the_colours_of_the_legend(self) -> None:
        found = show()
        colours = display_palette(CLASSES)
        assert np.array_equal(np.asarray(found.truth), colours[TRUTH])
        assert np.array_equal(np.asarray(found.prediction), colours[MASK])
        for entry in found.classes:
            assert entry.colour == tuple(colours[CLASSES.index(entry.name)].tolist())
        assert np.array_equal(np.asarray(found.photo), np.asarray(PHOTO))

    def test_numbers_are_of_this_photo_where_pixels_count(self) -> None:
        found = show()
        numbers = {entry.name: (entry.truth, entry.prediction, entry.iou) for entry in found.classes}
        sevenths = 100 / 7
        assert numbers == {
            "background": pytest.approx((3 * sevenths, 2 * sevenths, 200 / 3)),
            "cat": pytest.approx((2 * sevenths, sevenths, 50)),
            "dog": pytest.approx((2 * sevenths, 2 * sevenths, 100 / 3)),
            "cow": pytest.approx((0, sevenths, 0)),
        }
        assert list(numbers) == ["background", "dog", "cat", "cow"]
        assert found.iou == pytest.approx((200 / 3 + 50 + 100 / 3) / 3)  # the cow is not there

    @pytest.mark.parametrize(("best", "name"), [(False, "dog"), (True, "cat")])
    def test_the_map_is_that_of_the_worst_or_best_class(self, best: bool, name: str) -> None:
        found = show(best=best)
        assert found.itsm_of == name
        expected = heatmap(MAPS[CLASSES.index(name) - 1], PHOTO)
        assert np.array_equal(np.asarray(found.itsm), np.asarray(expected))

    def test_without_a_class_there_is_no_map(self) -> None:
        found = show(truth=np.zeros((2, 4), np.uint8))
        assert (found.itsm, found.itsm_of) == (None, "")

    def test_without_a_pixel_that_counts_there_is_no_number(self) -> None:
        found = show(truth=np.full((2, 4), 255, np.uint8))
        assert math.isnan(found.iou)
        assert found.classes == ()

    def test_the_overlay_is_of_the_photos_size_without_a_legend(self) -> None:
        assert show().overlay.size == PHOTO.size
        assert np.array_equal(np.asarray(show(mask=np.zeros_like(MASK)).overlay), np.asarray(PHOTO))
        assert not np.array_equal(np.asarray(show().overlay), np.asarray(PHOTO))

    def test_large_photos_are_reduced(self) -> None:
        photo = Image.new("RGB", (1600, 800))
        truth = np.zeros((800, 1600), np.uint8)
        truth[:, 800:] = 1
        prediction = Prediction(truth, np.ones(truth.shape, np.float32), MAPS)
        found = draw_photo("a", photo, truth, prediction, data())
        pictures = (found.photo, found.truth, found.prediction, found.overlay, found.itsm)
        assert {picture.size for picture in pictures} == {(LONGEST_SIDE, LONGEST_SIDE // 2)}
        assert found.iou == 100
        assert len(found.truth.getcolors()) == 2  # no colours in between


class TestGallery:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return draw_voc(tmp_path / "voc")

    @pytest.fixture
    def model(self, tiny: FreeSeg) -> FreeSeg:
        """The tiny model, where no label is left out as absent."""
        rule = replace(tiny.config.decision, presence_ratio=0.0, presence_floor=0.0)
        tiny.config = replace(tiny.config, decision=rule)
        return tiny

    @pytest.mark.parametrize("name", ["voc20", "voc21"])
    def test_shows_what_was_measured(self, model: FreeSeg, root: Path, name: str) -> None:
        voc, rules = open_dataset(name, root), protocol("freeseg", name)
        report = evaluate(model, voc, rules, setting="plain")
        names = report.worst(3)
        found = gallery(model, voc, rules, names, setting="plain")
        assert [each.name for each in found] == names
        assert [each.iou for each in found] == sorted(each.iou for each in found)
        for each in found:
            assert each.photo.size == SIZES[each.name][::-1]
            record = next(record for record in report.records if record.name == each.name)
            hits = {t: n for t, p, n in record.counts["confusion"] if t == p}
            for entry in each.classes:
                label = voc.classes.index(entry.name)
                union = sum(n for t, p, n in record.counts["confusion"] if label in (t, p))
                assert entry.iou == pytest.approx(100 * hits.get(label, 0) / union)

    def test_refuses_a_mask_of_another_size(self, model: FreeSeg, root: Path) -> None:
        redraw_mask(root, "two", np.zeros((5, 5)))
        with pytest.raises(DataError):
            gallery(model, open_dataset("voc21", root), protocol("freeseg", "voc21"), ["two"], setting="plain")
