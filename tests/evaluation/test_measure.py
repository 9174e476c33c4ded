"""Measuring on drawn photos, against literal loops; what is stopped goes on; what is wrong stops it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from drawn import INDICES, SIZES, bilinear, draw_voc, redraw_mask
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.decision.maps import softmax
from freeseg.errors import DataError, FreeSegError, OutputError, PhotoError
from freeseg.evaluation import measure, reading
from freeseg.evaluation.measure import (
    apply_protocol,
    describe_run,
    evenly_spaced,
    measure_photos,
    model_sha256,
    predict,
)
from freeseg.evaluation.metrics.boundary import boundary_counts
from freeseg.evaluation.metrics.metric import Prediction
from freeseg.evaluation.protocols import Protocol, protocol
from freeseg.evaluation.records import PhotoRecord
from freeseg.pipeline import FreeSeg
from freeseg.words import vocabulary
from tiny import iclip_of

OWN = protocol("freeseg", "voc21")
BARE = Protocol("bare", presence=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return draw_voc(tmp_path / "voc")


@pytest.fixture
def voc(root: Path) -> SegmentationData:
    return open_dataset("voc21", root)


@pytest.fixture
def model(tiny: FreeSeg) -> FreeSeg:
    """The tiny model, where no label is left out as absent."""
    return changed(tiny, presence_ratio=0.0, presence_floor=0.0)


def changed(model: FreeSeg, **changes: float) -> FreeSeg:
    model.config = replace(model.config, decision=replace(model.config.decision, **changes))
    return model


def predictions_of(model: FreeSeg, data: SegmentationData, rules: Protocol, setting: str = "plain") -> list[Prediction]:
    """What the model says of each photo."""
    measured, words = apply_protocol(model, data, rules, setting=setting)
    prepared = [measured.prepare(item.photo) for item in data.items]
    return [predict(measured, words, photo, rules, has_background=data.has_background) for photo in prepared]


def probabilities(model: FreeSeg, data: SegmentationData, scale: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each photo, each label's probability (20, H, W) in a softmax over labels, and that against the best
    background word too (21, H, W)."""
    results = []
    words = model.embed_vocabulary(OWN.vocabulary(data, "plain"))
    for item in data.items:
        prepared = model.prepare(item.photo)
        maps = model.maps(prepared, words)
        size = prepared.photo.size[::-1]
        best = np.concatenate([maps.background.max(axis=0, keepdims=True), maps.labels])
        both = (softmax(np.float32(scale) * cosines) for cosines in (maps.labels, best))
        results.append(tuple(np.array([bilinear(p.astype(np.float64), size) for p in share]) for share in both))
    return results


class TestCounts:
    @pytest.mark.parametrize("name", ["voc21", "voc20"])
    def test_every_pixel_is_counted_under_what_segment_says(self, model: FreeSeg, root: Path, name: str) -> None:
        data, labels = open_dataset(name, root), vocabulary("voc21")
        seen = set()
        for record, item in zip(measure_photos(model, data, OWN), data.items, strict=True):
            mask = model.segment(item.photo, labels, background=data.has_background).mask
            truth, counts = data.truth(item), {}
            for y, x in np.ndindex(*truth.shape):
                if truth[y, x] != 255:
                    pair = int(truth[y, x]), int(mask[y, x])
                    counts[pair] = counts.get(pair, 0) + 1
                    seen.add(pair[1])
            assert record.name == item.name
            assert {(t, p): pixels for t, p, pixels in record.counts["confusion"]} == counts
            background = {0} if data.has_background else set()
            assert record.counts["shown"] == sorted(set(mask.ravel().tolist()) - background)
            assert record.counts["there"] == sorted({t for t, _ in counts} - background)
            assert record.counts["boundary"] == boundary_counts(mask, truth, len(data.classes))
        assert len(seen) > 2  # or a constant answer would pass

    def test_there_is_what_the_masks_hold(self, model: FreeSeg, voc: SegmentationData) -> None:
        records = measure_photos(model, voc, OWN)
        assert [record.name for record in records] == list(SIZES)
        assert [set(record.counts["there"]) for record in records] == [set(INDICES[name]) - {0} for name in SIZES]

    def test_an_unsure_model_misses_everything(self, model: FreeSeg, voc: SegmentationData) -> None:
        for record in measure_photos(changed(model, ignore_below=1.0), voc, OWN):
            assert {prediction for _, prediction, _ in record.counts["confusion"]} == {len(voc.classes)}
            assert record.counts["shown"] == record.counts["calibration"] == []

    def test_calibration(self, model: FreeSeg, voc: SegmentationData) -> None:
        """Every pixel that has a truth, once, with the confidence that `segment` gives."""
        for record, item in zip(measure_photos(model, voc, OWN), voc.items, strict=True):
            result, truth = model.segment(item.photo, vocabulary("voc21")), voc.truth(item)
            counted = truth != 255
            assert sum(pixels for _, pixels, _, _ in record.counts["calibration"]) == counted.sum()
            total = sum(confidence for _, _, confidence, _ in record.counts["calibration"])
            assert total == pytest.approx(result.confidence[counted].sum(), rel=1e-5)
            assert sum(right for *_, right in record.counts["calibration"]) == (result.mask == truth)[counted].sum()

    def test_contrast_equals_a_literal_formula(self, model: FreeSeg, voc: SegmentationData) -> None:
        """Mean min-max score inside a class minus mean outside; the background is outside, 255 is nowhere."""
        labels, terms = vocabulary("voc21"), []
        for item in voc.items:
            truth = voc.truth(item)
            grid = model.maps(model.prepare(item.photo), model.embed_vocabulary(labels)).labels.astype(np.float64)
            found = {}
            for index in sorted(set(truth.ravel().tolist()) - {0, 255}):
                own = grid[index - 1]
                display = bilinear((own - own.min()) / (own.max() - own.min()), truth.shape)
                inside, outside = truth == index, (truth != index) & (truth != 255)
                found[index] = pytest.approx(100 * (display[inside].mean() - display[outside].mean()), abs=1e-2)
            terms.append(found)
        assert [record.counts["contrasts"] for record in measure_photos(model, voc, OWN)] == terms

    def test_nothing_but_background(self, model: FreeSeg, root: Path) -> None:
        redraw_mask(root, "one", np.zeros(SIZES["one"]))
        record = measure_photos(model, open_dataset("voc21", root), OWN)[0]
        assert record.counts["there"] == []
        assert record.counts["contrasts"] == {}
        assert {truth for truth, _, _ in record.counts["confusion"]} == {0}

    def test_workers_change_nothing(self, model: FreeSeg, voc: SegmentationData) -> None:
        assert measure_photos(model, voc, OWN, workers=2) == measure_photos(model, voc, OWN, workers=0)

    def test_progress_counts_the_photos_and_they_are_read_one_by_one(
        self, model: FreeSeg, voc: SegmentationData, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events: list[object] = []
        read = reading.prepare_photo
        monkeypatch.setattr(
            reading, "prepare_photo", lambda photo, seen: events.append(photo.stem) or read(photo, seen)
        )
        measure_photos(model, voc, OWN, progress=lambda done, total: events.append((done, total)))
        assert events == ["one", (1, 3), "two", (2, 3), "three", (3, 3)]


class TestDecision:
    """What a protocol decides, against a softmax and an argmax of the test's own."""

    def test_words(self, model: FreeSeg, voc: SegmentationData) -> None:
        scale, pairs = 9.0, []
        rules = replace(BARE, logit_scale=scale)
        both = zip(predictions_of(model, voc, rules), probabilities(model, voc, scale), strict=True)
        for prediction, (_, shares) in both:
            pairs.append((prediction.mask == shares.argmax(axis=0)).mean())
            np.testing.assert_allclose(prediction.confidence, shares.max(axis=0), atol=1e-5)
            assert len(np.unique(prediction.mask)) > 1
        assert min(pairs) > 0.999

    def test_threshold(self, model: FreeSeg, voc: SegmentationData) -> None:
        scale = 9.0
        both = probabilities(model, voc, scale)
        middle = float(np.median(np.concatenate([shares.max(axis=0).ravel() for shares, _ in both])))
        rules = replace(BARE, logit_scale=scale, background="threshold", threshold=middle)
        background = []
        for prediction, (shares, _) in zip(predictions_of(model, voc, rules), both, strict=True):
            best = shares.max(axis=0)
            expected = np.where(best < middle, 0, shares.argmax(axis=0) + 1)
            assert (prediction.mask == expected).mean() > 0.995
            clear = np.abs(best - middle) > 1e-4
            probability = np.where(best < middle, 1 - best, best)
            np.testing.assert_allclose(prediction.confidence[clear], probability[clear], atol=1e-5)
            background.append((prediction.mask == 0).mean())
        assert 0.2 < np.mean(background) < 0.8

    def test_none(self, model: FreeSeg, voc: SegmentationData) -> None:
        """Every pixel is a label, whose index is still counted after the background's."""
        rules = replace(BARE, logit_scale=9.0, background="none")
        both = zip(predictions_of(model, voc, rules), probabilities(model, voc, 9.0), strict=True)
        for prediction, (shares, _) in both:
            assert (prediction.mask == shares.argmax(axis=0) + 1).mean() > 0.999

    def test_a_dataset_without_background_has_no_threshold(self, model: FreeSeg, root: Path) -> None:
        data = open_dataset("voc20", root)
        rules = replace(BARE, logit_scale=9.0)
        first, second = (predictions_of(model, data, replace(rules, threshold=below)) for below in (0.0, 1.0))
        assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, second, strict=True))

    def test_refinement_is_the_settings(self, model: FreeSeg, voc: SegmentationData) -> None:
        words, plain, refined, own = (
            predictions_of(model, voc, OWN, setting)[0] for setting in ("aliases", "plain", "refined", "freeseg")
        )
        assert np.abs(words.confidence - refined.confidence).max() > 1e-3
        assert np.array_equal(words.maps, refined.maps)
        assert not np.array_equal(words.maps, plain.maps)
        result = model.segment(voc.items[0].photo, vocabulary("voc21"))
        assert np.array_equal(own.mask, result.mask)
        assert np.array_equal(own.confidence, result.confidence)


class TestWindows:
    @pytest.fixture
    def seen(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
        """The shapes of the pictures that the model is given."""
        shapes: list[tuple[int, ...]] = []
        maps = FreeSeg.maps
        monkeypatch.setattr(
            FreeSeg, "maps", lambda self, p, words: shapes.append(p.pixels.shape) or maps(self, p, words)
        )
        return shapes

    def test_the_model_sees_windows_of_the_resized_photo(
        self, model: FreeSeg, voc: SegmentationData, seen: list[tuple[int, ...]]
    ) -> None:
        rules = replace(BARE, short_side=96, long_cap=4.0, window=64, stride=32)
        predictions = predictions_of(model, evenly_spaced(voc, 1), rules)  # 40 x 56 becomes 96 x 134
        assert seen == [(64, 64, 3)] * (2 * 4)
        assert predictions[0].maps.shape == (
            20,
            math.ceil(96 / iclip_of(model).stride),
            math.ceil(134 / iclip_of(model).stride),
        )
        assert predictions[0].mask.shape == (40, 56)

    def test_a_window_as_large_as_the_photo_is_the_photo(
        self, model: FreeSeg, voc: SegmentationData, seen: list[tuple[int, ...]]
    ) -> None:
        rules = (replace(BARE, window=window, stride=window) for window in (0, 400))
        whole, windowed = (predictions_of(model, voc, each) for each in rules)
        assert len(seen) == 6
        for first, second in zip(whole, windowed, strict=True):
            assert np.array_equal(first.mask, second.mask)
            assert np.array_equal(first.maps, second.maps)

    def test_a_threshold_needs_no_background_words(self, model: FreeSeg, voc: SegmentationData) -> None:
        rules = replace(BARE, background="threshold", threshold=0.1, short_side=96, long_cap=4.0, window=64, stride=32)
        assert [prediction.mask.shape for prediction in predictions_of(model, voc, rules)] == list(SIZES.values())

    def test_maps_are_for_display(self, model: FreeSeg, voc: SegmentationData) -> None:
        maps = predictions_of(model, voc, BARE)[0].maps
        assert maps.dtype == np.float32
        assert maps.min(axis=(1, 2)) == pytest.approx(0)
        assert maps.max(axis=(1, 2)) == pytest.approx(1, abs=1e-3)


class Killed(BaseException):
    """As a signal would, at any moment."""


class TestResume:
    @pytest.mark.parametrize("photos", [0, 1, 2])
    def test_a_killed_evaluation_goes_on_to_the_same_records(
        self, model: FreeSeg, voc: SegmentationData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: int
    ) -> None:
        whole, journal, done = measure_photos(model, voc, OWN), tmp_path / "photos.jsonl", []
        original = measure.count_photo

        def killed(name: str, *rest: object) -> PhotoRecord:
            if len(done) == photos:
                raise Killed
            done.append(name)
            return original(name, *rest)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(measure, "count_photo", killed)
            with pytest.raises(Killed):
                measure_photos(model, voc, OWN, journal=journal)
        monkeypatch.setattr(measure, "count_photo", lambda name, *rest: done.append(name) or original(name, *rest))
        steps: list[tuple[int, int]] = []
        records = measure_photos(model, voc, OWN, journal=journal, progress=lambda *step: steps.append(step))
        assert records == whole
        assert done == list(SIZES)  # none twice
        assert steps == [(photo, 3) for photo in range(photos + 1, 4)]
        assert measure_photos(model, voc, OWN, journal=journal) == whole

    @pytest.mark.parametrize(
        ("change", "named"),
        [("setting", "setting"), ("protocol", "protocol"), ("model", "model_sha256"), ("data", "photos")],
    )
    def test_another_evaluation_is_not_mixed_in(
        self, model: FreeSeg, voc: SegmentationData, tmp_path: Path, change: str, named: str
    ) -> None:
        journal = tmp_path / "photos.jsonl"
        measure_photos(model, evenly_spaced(voc, 1) if change == "data" else voc, OWN, journal=journal)
        rules = BARE if change == "protocol" else OWN
        other = changed(model, background_margin=0.5) if change == "model" else model
        with pytest.raises(OutputError, match=named):
            measure_photos(other, voc, rules, setting="plain" if change == "setting" else "freeseg", journal=journal)


class TestErrors:
    @pytest.mark.parametrize("workers", [0, 1])
    @pytest.mark.parametrize("kind", ["mask", "photo", "sizes"])
    def test_one_bad_photo_stops_the_run_in_one_line_that_names_it(
        self, model: FreeSeg, root: Path, tmp_path: Path, workers: int, kind: str
    ) -> None:
        data, journal = open_dataset("voc21", root), tmp_path / "photos.jsonl"
        if kind == "sizes":
            redraw_mask(root, "two", np.zeros((48, 33)))
        else:
            {"mask": data.items[1].mask, "photo": data.items[1].photo}[kind].write_bytes(b"no picture")
        with pytest.raises((DataError, PhotoError)) as caught:
            measure_photos(model, data, OWN, journal=journal, workers=workers)
        assert str(data.items[1].photo if kind == "photo" else data.items[1].mask) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
        assert len(journal.read_text().splitlines()) == 2  # the run, and the photo before

    def test_sizes_are_named(self, model: FreeSeg, root: Path) -> None:
        redraw_mask(root, "two", np.zeros((48, 33)))
        with pytest.raises(DataError, match="33 x 48 for two"):
            measure_photos(model, open_dataset("voc21", root), OWN)

    def test_labels_that_are_not_one_for_each_class(self, model: FreeSeg, voc: SegmentationData) -> None:
        odd = replace(voc, classes=voc.classes[:-1])
        with pytest.raises(DataError, match="19 classes but 20 labels"):
            apply_protocol(model, odd, OWN, setting="freeseg")

    def test_a_wrong_setting_leaves_no_journal(self, model: FreeSeg, voc: SegmentationData, tmp_path: Path) -> None:
        with pytest.raises(FreeSegError, match="no setting"):
            measure_photos(model, voc, OWN, setting="best", journal=tmp_path / "photos.jsonl")
        assert list(tmp_path.glob("*.jsonl")) == []


class TestRun:
    def test_what_it_says(self, model: FreeSeg, voc: SegmentationData) -> None:
        run = describe_run(model, voc, protocol("sclip", "voc21"), setting="plain", command="freeseg evaluate")
        assert (run.dataset, run.classes, run.has_background, run.photos) == ("voc21", voc.classes, True, 3)
        assert (run.setting, run.model, run.command) == ("plain", "tiny", "freeseg evaluate")
        assert run.protocol["logit_scale"] == 65
        assert {"python", "freeseg", "torch", "numpy"} <= set(run.versions)

    def test_the_hash_tells_models_apart(self, model: FreeSeg) -> None:
        first = model_sha256(model)
        assert first == model_sha256(model)
        assert model_sha256(changed(model, background_margin=0.5)) != first
        changed(model, background_margin=0.03)
        assert model_sha256(model) == first
        with torch.no_grad():
            iclip_of(model).image_head.first.bias[3] += 1e-4
        assert model_sha256(model) != first

    @pytest.mark.parametrize(("limit", "expected"), [(None, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 2, 4]), (1, [0]), (99, 7)])
    def test_a_quick_look_is_spread_over_the_set(
        self, voc: SegmentationData, limit: int | None, expected: list[int] | int
    ) -> None:
        many = replace(voc, items=tuple(voc.items[0]._replace(name=str(index)) for index in range(7)))
        names = [int(item.name) for item in evenly_spaced(many, limit).items]
        assert names == (list(range(expected)) if isinstance(expected, int) else expected)


def test_upsampling_of_this_test_is_torchs() -> None:
    grid = torch.rand(3, 5, generator=torch.Generator().manual_seed(0)).double()
    expected = F.interpolate(grid[None, None], (11, 8), mode="bilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(bilinear(grid.numpy(), (11, 8)), expected, atol=1e-12)
