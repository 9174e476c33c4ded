"""The table of metrics: another metric is one entry in it, and reports of before still load."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from documented import diffs, line_of_diff, module_of_diff
from freeseg.data.segmentation import SegmentationData
from freeseg.evaluation import measure, records
from freeseg.evaluation.metrics.headlines import HEADLINES, TALLIES
from freeseg.evaluation.metrics.metric import Metric, Prediction
from freeseg.evaluation.records import names_sha256
from freeseg.evaluation.report import compare as comparing
from freeseg.evaluation.report import markdown, report
from freeseg.evaluation.report.report import Report
from reports import draw_report

OLD_REPORT = Path(__file__).parents[1] / "report" / "report-0.1.0.json"  # written by FreeSeg 0.1.0


def test_every_name_is_there_once() -> None:
    names = [metric.name for metric in HEADLINES]
    entries = [name for tally in TALLIES for name in tally.entries]
    assert len(set(names)) == len(names)
    assert entries == ["confusion", "boundary", "contrasts", "shown", "there", "calibration"]  # report.json's


class TestMetricOfTheDocs:
    """Another metric is one file and one line: the toy of docs/guides/evaluate.md is in every report."""

    @pytest.fixture
    def metric(self, monkeypatch: pytest.MonkeyPatch) -> Metric:
        """The page's metric, in the table."""
        new, table = diffs("docs/guides/evaluate.md").items()
        module = module_of_diff(*new)
        assert line_of_diff(*table) == "UNSURE_SHARE,"
        for user in (report, markdown, comparing):
            monkeypatch.setattr(user, "HEADLINES", (*HEADLINES, module.UNSURE_SHARE))
        for user in (records, measure):
            monkeypatch.setattr(user, "TALLIES", (*TALLIES, module.UNSURE))
        return module.UNSURE_SHARE

    @pytest.fixture
    def counted(self, metric: Metric) -> Report:
        """A report of photos with 0, 2, 4, ... unsure pixels of 24."""
        data = SegmentationData("drawn", ("cat", "dog"), False, (), np.arange(256, dtype=np.uint8))
        photos = []
        for index in range(6):
            mask = np.zeros((4, 6), np.uint8)
            mask.flat[: 2 * index] = 255
            prediction = Prediction(mask, np.ones(mask.shape, np.float32), np.zeros((2, 1, 1), np.float32))
            photos.append(measure.count_photo(f"photo {index}", prediction, np.zeros_like(mask), data))
        run = draw_report(classes=data.classes).report.run
        return Report(replace(run, photos_sha256=names_sha256(photo.name for photo in photos)), photos)

    def test_is_in_the_report_with_its_interval(self, counted: Report) -> None:
        number = counted.numbers()["unsure"]
        assert number.value == pytest.approx(100 * 5 / 24)
        assert number.low < number.value < number.high
        assert f"| unsure | {number.value:.1f} | " in markdown.markdown(counted)

    def test_goes_through_the_file(self, counted: Report, tmp_path: Path) -> None:
        counted.save(tmp_path / "report.json")
        loaded = Report.load(tmp_path / "report.json")
        assert loaded == counted
        assert loaded.numbers()["unsure"] == counted.numbers()["unsure"]

    def test_is_compared(self, counted: Report, metric: Metric) -> None:
        assert comparing.compare(counted, counted).differences[-1].metric is metric

    @pytest.mark.usefixtures("metric")
    def test_is_not_measured_where_a_report_is_older(self) -> None:
        numbers = Report.load(OLD_REPORT).numbers()
        assert math.isnan(numbers["unsure"].value)
        assert not math.isnan(numbers["mIoU"].value)


def test_a_report_of_version_0_1_0_loads_with_its_numbers() -> None:
    written = json.loads(OLD_REPORT.read_text("utf-8"))
    loaded = Report.load(OLD_REPORT)
    assert {name: number._asdict() for name, number in loaded.numbers().items()} == written["numbers"]
    assert [json.loads(json.dumps(record.to_dict())) for record in loaded.records] == written["photos"]
    assert [row.name for row in loaded.per_class()] == written["run"]["classes"]


def test_a_report_is_written_as_0_1_0_wrote_it(tmp_path: Path) -> None:
    Report.load(OLD_REPORT).save(tmp_path / "report.json")
    assert (tmp_path / "report.json").read_bytes() == OLD_REPORT.read_bytes()
