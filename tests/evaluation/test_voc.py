"""VOC20, VOC21 and mSC on drawn photos, against literal loops."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.data.segmentation import VocFolder
from freeseg.errors import DataError, PhotoError
from freeseg.evaluation import voc
from freeseg.evaluation.voc import VocScores, evaluate, tables
from freeseg.pipeline import FreeSeg
from freeseg.vocabularies import vocabulary

SIZES = {"one": (40, 56), "two": (33, 48)}  # (height, width)
SHOWN = {"one": (0, 8, 12), "two": (0, 15, 20)}  # indices in each mask; 255 comes on top


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two photos of noise and their masks: quarters of 255 and of three indices."""
    random = np.random.default_rng(3)
    for folder in ("JPEGImages", "SegmentationClass"):
        (tmp_path / folder).mkdir()
    for name, (height, width) in SIZES.items():
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "JPEGImages" / f"{name}.jpg")
        mask = np.full((height, width), 255, np.uint8)
        half = height // 2, width // 2
        first, second, third = SHOWN[name]
        mask[: half[0], : half[1]], mask[: half[0], half[1] :], mask[half[0] :, : half[1]] = first, second, third
        Image.fromarray(mask).save(tmp_path / "SegmentationClass" / f"{name}.png")
    return tmp_path


@pytest.fixture
def model(tiny: FreeSeg) -> FreeSeg:
    """The tiny model, where no label is left out as absent."""
    tiny.config = replace(tiny.config, decision=replace(tiny.config.decision, presence_ratio=0.0))
    return tiny


def truths(root: Path) -> list[tuple[Path, np.ndarray]]:
    return [(item.photo, np.array(Image.open(item.mask))) for item in VocFolder(root)]


def replace_mask(root: Path, mask: np.ndarray) -> Path:
    path = root / "SegmentationClass" / "two.png"
    Image.fromarray(mask.astype(np.uint8)).save(path)
    return path


class TestCounts:
    def test_sums_equal_the_pixels_that_count(self, model: FreeSeg, root: Path) -> None:
        scores = evaluate(model, VocFolder(root))
        masks = np.concatenate([truth.ravel() for _, truth in truths(root)])
        assert scores.voc21.shape == (21, 22)
        assert scores.voc20.shape == (20, 21)
        assert scores.voc21.sum(axis=1).tolist() == [(masks == index).sum() for index in range(21)]
        assert scores.voc20.sum(axis=1).tolist() == [(masks == index).sum() for index in range(1, 21)]

    def test_every_pixel_is_counted_under_what_segment_says(self, model: FreeSeg, root: Path) -> None:
        scores, labels = evaluate(model, VocFolder(root)), vocabulary("voc20")
        voc20, voc21 = np.zeros((20, 21), int), np.zeros((21, 22), int)
        for photo, truth in truths(root):
            with_background, without = (model.segment(photo, labels, background=on).mask for on in (True, False))
            for y, x in np.ndindex(*truth.shape):
                true = truth[y, x]
                if true != 255:
                    voc21[true, min(with_background[y, x], 21)] += 1
                if true not in (0, 255):
                    voc20[true - 1, min(without[y, x], 20)] += 1
        assert np.array_equal(scores.voc21, voc21)
        assert np.array_equal(scores.voc20, voc20)
        assert (voc20.sum(axis=0) > 0).sum() > 1  # or a constant answer would pass

    def test_an_unsure_model_misses_everything(self, model: FreeSeg, root: Path) -> None:
        model.config = replace(model.config, decision=replace(model.config.decision, ignore_below=1.1))
        scores = evaluate(model, VocFolder(root))
        assert scores.voc21[:, :21].sum() == scores.voc20[:, :20].sum() == 0
        assert scores.voc21[:, 21].sum() > 0
        assert scores.numbers()["VOC21 mIoU"] == scores.numbers()["presence F1"] == 0

    def test_presence_is_per_photo(self, model: FreeSeg, root: Path) -> None:
        scores = evaluate(model, VocFolder(root))
        assert [(np.flatnonzero(there) + 1).tolist() for there in scores.there] == [[8, 12], [15, 20]]
        for shown, (photo, _) in zip(scores.shown, truths(root), strict=True):
            mask = model.segment(photo, vocabulary("voc20")).mask
            assert (np.flatnonzero(shown) + 1).tolist() == sorted(set(mask.ravel().tolist()) - {0})

    def test_progress_counts_the_photos(self, model: FreeSeg, root: Path) -> None:
        seen: list[tuple[int, int]] = []
        evaluate(model, VocFolder(root), progress=lambda done, total: seen.append((done, total)))
        assert seen == [(1, 2), (2, 2)]


class TestContrast:
    def test_equals_a_literal_formula(self, model: FreeSeg, root: Path) -> None:
        """Mean over photos and present labels of (mean min-max score inside - outside); the background is outside."""
        labels, terms = vocabulary("voc20"), []
        for photo, truth in truths(root):
            prepared = model.prepare(photo)
            grid = model.maps(prepared, model.words(labels)).labels.double().numpy()
            for index in sorted(set(truth.ravel().tolist()) - {0, 255}):
                own = grid[index - 1]
                display = bilinear((own - own.min()) / (own.max() - own.min()), truth.shape)
                inside, outside = truth == index, (truth != index) & (truth != 255)
                terms.append(100 * (display[inside].mean() - display[outside].mean()))
        scores = evaluate(model, VocFolder(root))
        assert scores.contrasts == pytest.approx(terms, abs=1e-2)
        assert len(terms) == 4
        assert scores.numbers()["mSC"] == pytest.approx(np.mean(terms), abs=0.06)


def bilinear(grid: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Bilinear resize of a 2-D grid, corners not aligned, borders repeated."""
    for axis, target in enumerate(size):
        source = grid.shape[axis]
        position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, source - 1)
        share = np.expand_dims(position - low, 1 - axis)
        grid = np.take(grid, low, axis) * (1 - share) + np.take(grid, high, axis) * share
    return grid


class TestNumbers:
    def perfect(self) -> VocScores:
        scores = VocScores()
        scores.voc20[range(20), range(20)] = 5
        scores.voc21[range(21), range(21)] = 7
        scores.contrasts += [30.0, 50.0]
        scores.shown.append(np.arange(20) < 2)
        scores.there.append(np.arange(20) < 2)
        return scores

    def test_perfect(self) -> None:
        assert self.perfect().numbers() == {"VOC20 mIoU": 100, "VOC21 mIoU": 100, "mSC": 40, "presence F1": 100}

    def test_presence_is_an_f1(self) -> None:
        scores = self.perfect()
        scores.shown.append(np.arange(20) < 6)  # 2 + 3 hits of 8 shown and 5 there
        scores.there.append(np.arange(20) < 3)
        precision, recall = 5 / 8, 5 / 5
        assert scores.numbers()["presence F1"] == round(100 * 2 * precision * recall / (precision + recall), 1)

    def test_classes_that_never_occur_do_not_count(self) -> None:
        scores = VocScores(contrasts=[1.0], shown=[np.zeros(20, bool)], there=[np.zeros(20, bool)])
        scores.voc20[3, 3], scores.voc20[3, 4] = 6, 2
        per_class = scores.per_class()
        assert per_class["boat"][0] == 75
        assert per_class["bottle"][0] == 0
        assert math.isnan(per_class["cat"][0])
        scores.voc21[0, 0] = scores.voc21[4, 4] = 1
        assert scores.numbers()["VOC20 mIoU"] == 37.5
        assert scores.per_class()["boat"][1] == 100  # the background is not boat's neighbour in the list

    def test_the_table_holds_every_number_and_class(self) -> None:
        lines = list(tables(self.perfect()))
        assert lines[0] == "| VOC20 mIoU | VOC21 mIoU | mSC | presence F1 |"
        assert lines[2] == "| 100.0 | 100.0 | 40.0 | 100.0 |"
        assert [line.split(" | ")[0].removeprefix("| ") for line in lines[6:]] == list(vocabulary("voc20").names)
        assert lines[6] == "| aeroplane | 100.0 | 100.0 |"


class TestErrors:
    def refused(self, model: FreeSeg, root: Path) -> str:
        with pytest.raises((DataError, PhotoError)) as caught:
            evaluate(model, VocFolder(root))
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    def test_sizes_that_disagree(self, model: FreeSeg, root: Path) -> None:
        path = replace_mask(root, np.zeros((48, 33)))
        message = self.refused(model, root)
        assert f"{path} is (33, 48), its photo (48, 33)" in message

    def test_an_index_beyond_20(self, model: FreeSeg, root: Path) -> None:
        mask = np.zeros((33, 48))
        mask[5, 5], mask[6, 6] = 21, 255
        path = replace_mask(root, mask)
        assert f"{path} holds index 21" in self.refused(model, root)

    def test_a_photo_that_cannot_be_read(self, model: FreeSeg, root: Path) -> None:
        (root / "JPEGImages" / "one.jpg").write_bytes(b"no picture")
        assert "one.jpg" in self.refused(model, root)

    def test_a_mask_that_cannot_be_read(self, model: FreeSeg, root: Path) -> None:
        (root / "SegmentationClass" / "one.png").write_bytes(b"no picture")
        assert "one.png" in self.refused(model, root)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy on a mean of nothing
def test_nothing_but_background(model: FreeSeg, root: Path) -> None:
    """No label to contrast: the number is missing, not a crash."""
    for name, size in SIZES.items():
        Image.fromarray(np.zeros(size, np.uint8)).save(root / "SegmentationClass" / f"{name}.png")
    numbers = evaluate(model, VocFolder(root)).numbers()
    assert math.isnan(numbers["VOC20 mIoU"])
    assert math.isnan(numbers["mSC"])
    assert numbers["VOC21 mIoU"] >= 0


def test_20_classes() -> None:
    assert len(vocabulary("voc20").labels) == voc.CLASSES
