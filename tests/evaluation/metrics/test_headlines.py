"""The table of metrics: another metric is one entry in it, and reports of before still load."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from freeseg.evaluation import records
from freeseg.evaluation.metrics.headlines import HEADLINES, TALLIES
from freeseg.evaluation.metrics.metric import Metric, Tally
from freeseg.evaluation.report import compare as comparing
from freeseg.evaluation.report import markdown, report
from freeseg.evaluation.report.report import Report
from reports import draw_report

OLD_REPORT = Path(__file__).parents[1] / "report" / "report-0.1.0.json"  # written by FreeSeg 0.1.0

# The share of a photo's pixels of which the model does not know what they are.
UNSURE = Tally(
    {"unsure": lambda values: [int(value) for value in values]},
    lambda photos, classes: lambda weights: weights @ np.array([counts["unsure"] for counts in photos]),
    optional=True,
)
UNSURE_SHARE = Metric("unsure", "share of unsure pixels", (UNSURE,), lambda s: s[0] / s[1], higher_is_better=False)


def test_every_name_is_there_once() -> None:
    names = [metric.name for metric in HEADLINES]
    entries = [name for tally in TALLIES for name in tally.entries]
    assert len(set(names)) == len(names)
    assert entries == ["confusion", "boundary", "contrasts", "shown", "there", "calibration"]  # report.json's


class TestAnotherMetric:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (report, markdown, comparing):
            monkeypatch.setattr(module, "HEADLINES", (*HEADLINES, UNSURE_SHARE))
        monkeypatch.setattr(records, "TALLIES", (*TALLIES, UNSURE))

    @pytest.fixture
    def counted(self) -> Report:
        """A report whose photos have 1, 2, ... unsure pixels of 96."""
        drawn = draw_report().report
        for index, record in enumerate(drawn.records):
            record.counts["unsure"] = [index + 1, 96]
        return drawn

    def test_is_in_the_report_with_its_interval(self, counted: Report) -> None:
        number = counted.numbers()["unsure"]
        assert number.value == pytest.approx(100 * 3.5 / 96)
        assert number.low < number.value < number.high
        assert f"| unsure | {number.value:.1f} | " in markdown.markdown(counted)

    def test_goes_through_the_file(self, counted: Report, tmp_path: Path) -> None:
        counted.save(tmp_path / "report.json")
        assert Report.load(tmp_path / "report.json").numbers() == counted.numbers()

    def test_is_compared(self, counted: Report) -> None:
        comparison = comparing.compare(counted, counted)
        assert comparison.differences[-1].metric is UNSURE_SHARE

    def test_is_not_measured_where_a_report_is_older(self, counted: Report) -> None:
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
