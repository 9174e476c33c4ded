"""Reports: their numbers against scikit-learn and literal formulas, and the way to disk and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, jaccard_score, recall_score

from freeseg.errors import DataError, OutputError
from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.records import names_sha256
from freeseg.evaluation.report.report import Report
from reports import CLASSES, Drawn, draw_report, photo_record


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_report()


def counted(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """All pixels that count, of all photos: truth and prediction, "don't know" as a class of its own."""
    truth = np.concatenate([mask.ravel() for mask in drawn.truths])
    prediction = np.concatenate([mask.ravel() for mask in drawn.predictions])
    return truth[truth != 255], np.where(prediction == 255, len(CLASSES), prediction)[truth != 255]


class TestNumbers:
    def value(self, drawn: Drawn, name: str) -> float:
        return drawn.report.numbers()[name].value

    def test_of_pixels_are_those_of_scikit_learn(self, drawn: Drawn) -> None:
        truth, prediction = counted(drawn)
        seen = sorted({*truth, *prediction} - {len(CLASSES)})
        options = {"labels": seen, "average": "macro", "zero_division": 0}
        assert self.value(drawn, "mIoU") == pytest.approx(100 * jaccard_score(truth, prediction, **options))
        assert self.value(drawn, "pixel accuracy") == pytest.approx(100 * accuracy_score(truth, prediction))
        options["labels"] = sorted(set(truth))
        assert self.value(drawn, "mean class accuracy") == pytest.approx(
            100 * recall_score(truth, prediction, **options)
        )
        options["average"] = "weighted"
        weighted = jaccard_score(truth, prediction, **options)
        assert self.value(drawn, "frequency-weighted IoU") == pytest.approx(100 * weighted)

    def test_of_boundaries_contrasts_and_presence_are_literal_sums(self, drawn: Drawn) -> None:
        records = drawn.report.records
        ratios = []
        for label in range(len(CLASSES)):
            bands = [band for record in records for band in record.counts["boundary"] if band[0] == label]
            ratios.append(sum(both for _, both, _ in bands) / sum(either for _, _, either in bands))
        assert self.value(drawn, "boundary IoU") == pytest.approx(100 * np.mean(ratios))
        terms = [term for record in records for term in record.counts["contrasts"].values()]
        assert self.value(drawn, "mSC") == pytest.approx(np.mean(terms))
        hits = sum(len({*record.counts["shown"]} & {*record.counts["there"]}) for record in records)
        precision, recall = (hits / sum(len(r.counts[key]) for r in records) for key in ("shown", "there"))
        assert self.value(drawn, "presence F1") == pytest.approx(200 * precision * recall / (precision + recall))

    def test_of_calibration_is_the_mean_gap(self, drawn: Drawn) -> None:
        rows = np.array([entry for record in drawn.report.records for entry in record.counts["calibration"]])
        error = 0.0
        for bin_index in range(15):
            pixels, confidence, right = rows[rows[:, 0] == bin_index][:, 1:].sum(axis=0)
            if pixels:
                error += pixels / rows[:, 1].sum() * abs(right / pixels - confidence / pixels)
        assert self.value(drawn, "ECE") == pytest.approx(100 * error)

    def test_all_have_an_interval_around_them(self, drawn: Drawn) -> None:
        numbers = drawn.report.numbers()
        assert list(numbers) == [headline.name for headline in HEADLINES]
        for number in numbers.values():
            assert number.low < number.high
        assert numbers["pixel accuracy"].low < numbers["pixel accuracy"].value < numbers["pixel accuracy"].high

    def test_equal_photos_leave_no_doubt(self, drawn: Drawn) -> None:
        records = [replace(drawn.report.records[0], name=str(index)) for index in range(4)]
        for number in Report(drawn.report.run, records).numbers().values():
            assert number.low == pytest.approx(number.value)
            assert number.high == pytest.approx(number.value)

    def test_a_class_that_a_draw_misses_does_not_count_in_it(self, drawn: Drawn) -> None:
        """Predicted on the photo that is drawn, it would be 0 there."""
        without = photo_record("a", [(0, 0, 6), (0, 1, 2)], [(0, 3, 4), (1, 0, 2)], {}, [], [], [])
        whole = photo_record("b", [(1, 1, 8)], [(1, 2, 2)], {}, [], [], [])
        statistics = Report(drawn.report.run, [without, whole]).statistics()
        miou, boundary = (
            next(i for i, h in enumerate(HEADLINES) if h.name == name) for name in ("mIoU", "boundary IoU")
        )
        assert statistics(np.array([1, 1]))[[miou, boundary]] == pytest.approx([100 * (6 / 8 + 8 / 10) / 2, 62.5])
        assert statistics(np.array([2, 0]))[[miou, boundary]] == pytest.approx([75, 75])
        never = Report(drawn.report.run, [without]).statistics()  # in no photo of the set: mmsegmentation's 0
        assert never(np.array([1]))[[miou, boundary]] == pytest.approx([37.5, 37.5])

    def test_what_cannot_be_measured_is_nan(self, drawn: Drawn) -> None:
        numbers = Report(drawn.report.run, [photo_record("blank")]).numbers()
        assert all(math.isnan(number.value) for number in numbers.values())

    def test_absent_classes_are_counted(self, drawn: Drawn) -> None:
        assert drawn.report.absent == len(CLASSES) - len(set(counted(drawn)[0])) == 1


class TestPhotos:
    def test_are_ranked_by_the_mean_over_their_classes(self, drawn: Drawn) -> None:
        scores = {}
        for record, truth, prediction in zip(drawn.report.records, drawn.truths, drawn.predictions, strict=True):
            ious = []
            for label in set(truth.ravel()) - {255}:
                true, said = truth == label, (prediction == label) & (truth != 255)
                ious.append((true & said).sum() / (true | said).sum())
            scores[record.name] = np.mean(ious)
        assert drawn.report.worst(99) == sorted(scores, key=lambda name: scores[name])
        assert drawn.report.worst(2) == drawn.report.best(99)[::-1][:2]
        assert drawn.report.best(1) == [max(scores, key=lambda name: scores[name])]

    def test_without_a_pixel_that_counts_are_not_ranked(self, drawn: Drawn) -> None:
        blank = photo_record("blank")
        assert "blank" not in Report(drawn.report.run, [*drawn.report.records, blank]).worst(99)


class TestFile:
    @pytest.fixture
    def path(self, drawn: Drawn, tmp_path: Path) -> Path:
        drawn.report.save(tmp_path / "sub" / "report.json")
        return tmp_path / "sub" / "report.json"

    def test_comes_back_as_it_was(self, drawn: Drawn, path: Path) -> None:
        assert Report.load(path) == drawn.report
        assert Report.load(path).numbers() == drawn.report.numbers()

    def test_holds_the_numbers_for_people_and_a_photo_a_line(self, drawn: Drawn, path: Path) -> None:
        text = path.read_text("utf-8")
        values = json.loads(text)
        assert values["format"] == "freeseg-report-1"
        assert values["numbers"]["mIoU"]["value"] == drawn.report.numbers()["mIoU"].value
        assert [row["name"] for row in values["classes"]] == list(CLASSES)
        assert sum(line.startswith('{"name": "photo ') for line in text.splitlines()) == len(drawn.report.records)

    def test_is_standard_json_where_nothing_was_measured(self, drawn: Drawn, tmp_path: Path) -> None:
        run = replace(drawn.report.run, photos=1, photos_sha256=names_sha256(["blank"]))
        report = Report(run, [photo_record("blank")])
        report.save(tmp_path / "blank.json")
        values = json.loads((tmp_path / "blank.json").read_text(), parse_constant=pytest.fail)
        assert values["numbers"]["mIoU"] == {"value": None, "low": None, "high": None}
        assert Report.load(tmp_path / "blank.json") == report

    def test_keeps_names_that_are_no_text(self, drawn: Drawn, tmp_path: Path) -> None:
        name = b"caf\xe9".decode("utf-8", "surrogateescape")
        run = replace(drawn.report.run, photos=1, photos_sha256=names_sha256([name]))
        Report(run, [replace(drawn.report.records[0], name=name)]).save(tmp_path / "report.json")
        assert Report.load(tmp_path / "report.json").records[0].name == name

    def test_that_cannot_be_written(self, drawn: Drawn, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError):
            drawn.report.save(tmp_path / "file" / "report.json")


def refused(path: Path) -> str:
    """The line with which a file is refused."""
    with pytest.raises(DataError) as caught:
        Report.load(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return message


class TestForeignFiles:
    @pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
    def test_that_are_no_json(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_bytes(content)
        assert "cannot be read" in refused(tmp_path / "a.json")

    @pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '{"format": "freeseg-report-2"}', '{"images": []}'])
    def test_that_are_no_report(self, content: str, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text(content)
        assert "is no report" in refused(tmp_path / "a.json")

    def test_that_are_not_there(self, tmp_path: Path) -> None:
        assert "cannot be read" in refused(tmp_path / "a.json")
        assert "cannot be read" in refused(tmp_path)

    @pytest.mark.parametrize(
        "change",
        [
            lambda values: values.pop("run"),
            lambda values: values.pop("photos"),
            lambda values: values.update(run=3),
            lambda values: values.update(photos=3),
            lambda values: values.update(photos=[]),
            lambda values: values["run"].pop("classes"),
            lambda values: values["run"].update(protocol="freeseg"),
            lambda values: values["run"].update(versions=None),
            lambda values: values["run"].update(dataset=7),
            lambda values: values["run"].update(classes=["cat"]),
            lambda values: values["run"].update(classes=[1, 2, 3, 4, 5]),
            lambda values: values["run"].update(photos=99),
            lambda values: values["photos"].pop(),
            lambda values: values["photos"].reverse(),
            lambda values: values["photos"][0].update(name="another"),
            lambda values: values["photos"][0].update(confusion=[[0, 99, 1]]),
            lambda values: values["photos"][0].update(boundary=[[0, 1]]),
            lambda values: values["photos"][0].update(boundary=[[99, 1, 1]]),
            lambda values: values["photos"][0].update(calibration=[[15, 1, 0.5, 1]]),
            lambda values: values["photos"][0].update(calibration=[[-1, 1, 0.5, 1]]),
            lambda values: values["photos"].append(None),
        ],
    )
    def test_that_are_damaged(self, change: Callable[[dict[str, Any]], Any], drawn: Drawn, tmp_path: Path) -> None:
        drawn.report.save(tmp_path / "a.json")
        values = json.loads((tmp_path / "a.json").read_text())
        change(values)
        (tmp_path / "a.json").write_text(json.dumps(values))
        assert "is damaged" in refused(tmp_path / "a.json")

    def test_with_a_photo_twice(self, drawn: Drawn, tmp_path: Path) -> None:
        record = drawn.report.records[0]
        run = replace(drawn.report.run, photos=2, photos_sha256=names_sha256([record.name] * 2))
        Report(run, [record, record]).save(tmp_path / "a.json")
        assert "twice" in refused(tmp_path / "a.json")
