"""Two reports side by side: the differences, how sure they are, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from freeseg.errors import DataError
from freeseg.evaluation.metrics.bootstrap import Interval
from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.report.breakdown import photo_ious
from freeseg.evaluation.report.compare import PHOTOS, Comparison, Difference, compare, markdown
from freeseg.evaluation.report.report import Report
from reports import CLASSES, HOSTILE, draw_report, photo_record


@pytest.fixture(scope="module")
def poor() -> Report:
    return draw_report(photos=20, skill=0.3).report


@pytest.fixture(scope="module")
def good() -> Report:
    return draw_report(
        photos=20, skill=0.8, model="other", model_sha256="cd", command="again", versions={"torch": "3"}
    ).report


@pytest.fixture(scope="module")
def comparison(poor: Report, good: Report) -> Comparison:
    return compare(poor, good)


def by_name(comparison: Comparison, name: str) -> Difference:
    return next(each for each in comparison.differences if each.metric.name == name)


class TestDifferences:
    def test_are_second_minus_first(self, poor: Report, good: Report, comparison: Comparison) -> None:
        assert [each.metric for each in comparison.differences] == list(HEADLINES)
        for each in comparison.differences:
            name = each.metric.name
            assert (each.first, each.second) == (poor.numbers()[name].value, good.numbers()[name].value)
            assert each.change.value == pytest.approx(each.second - each.first)
            assert each.change.low <= each.change.high

    def test_of_a_better_model(self, comparison: Comparison) -> None:
        for name in ("mIoU", "pixel accuracy", "mean class accuracy", "frequency-weighted IoU"):
            assert by_name(comparison, name).verdict == "better"
            assert by_name(comparison, name).change.low > 10

    def test_of_a_worse_model(self, poor: Report, good: Report, comparison: Comparison) -> None:
        back = compare(good, poor)
        assert by_name(back, "mIoU").verdict == "worse"
        assert by_name(back, "mIoU").change.value == -by_name(comparison, "mIoU").change.value

    def test_of_a_report_and_itself(self, poor: Report) -> None:
        same = compare(poor, poor)
        assert {each.change for each in same.differences} == {Interval(0, 0, 0)}
        assert {each.verdict for each in same.differences} == {"unclear"}
        assert same.photos == ()
        assert "0 photos changed." in markdown(same)

    def test_draws_the_same_photos_for_both(self, poor: Report) -> None:
        """One pixel more is right in every photo: small beside what photos differ by, yet sure."""
        records = []
        for record in poor.records:
            wrong = next(cell for cell in record.counts["confusion"] if cell[0] != cell[1])
            cells = [(t, p, n - ((t, p) == wrong[:2])) for t, p, n in record.counts["confusion"]]
            records.append(replace(record, counts=record.counts | {"confusion": [*cells, (wrong[0], wrong[0], 1)]}))
        found = by_name(compare(poor, Report(poor.run, records)), "pixel accuracy")
        pixels = [sum(n for _, _, n in record.counts["confusion"]) for record in records]
        assert found.change.value == pytest.approx(100 * len(records) / sum(pixels))
        assert found.verdict == "better"
        spread = poor.numbers()["pixel accuracy"]
        assert spread.high - spread.low > 10 * (found.change.high - found.change.low)

    @pytest.mark.parametrize(
        ("low", "high", "verdict"), [(-2, -1, "better"), (1, 2, "worse"), (-1, 1, "unclear"), (0, 1, "unclear")]
    )
    def test_less_calibration_error_is_better(self, low: float, high: float, verdict: str) -> None:
        headline = next(each for each in HEADLINES if each.name == "ECE")
        assert Difference(headline, 5, 5, Interval(0, low, high)).verdict == verdict

    def test_of_what_cannot_be_measured(self, poor: Report) -> None:
        blank = Report(poor.run, [photo_record("blank")])
        found = by_name(compare(blank, blank), "mIoU")
        assert math.isnan(found.change.value)
        assert found.verdict == "unclear"
        assert "| mIoU | n/a | n/a | n/a | n/a to n/a | unclear |" in markdown(compare(blank, blank))


def test_photos_that_changed_most_come_first(poor: Report, good: Report, comparison: Comparison) -> None:
    before, after = (photo_ious(report.records, len(CLASSES)) for report in (poor, good))
    for change in comparison.photos:
        assert (change.first, change.second) == (before[change.name], after[change.name])
    moves = [abs(change.second - change.first) for change in comparison.photos]
    assert moves == sorted(moves, reverse=True)
    assert sorted(moves) == pytest.approx(sorted(abs(after[name] - before[name]) for name in before))


class TestRefusal:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"dataset": "ade20k"}, "dataset (drawn and ade20k)"),
            ({"classes": ("background", "a", "b", "c", "d")}, "classes"),
            ({"has_background": False}, "has_background (True and False)"),
            ({"photos": 19, "photos_sha256": "x"}, "photos (20 and 19), which photos"),
            ({"photos_sha256": "x"}, "which photos"),
            ({"setting": "aliases"}, "setting (plain and aliases)"),
            (
                {"protocol": {"name": "tcl", "short_side": 448, "window": 0}},
                "protocol (name freeseg and tcl, short_side None and 448)",
            ),
        ],
    )
    def test_says_in_a_line_what_differs(self, poor: Report, change: dict[str, object], told: str) -> None:
        with pytest.raises(DataError) as caught:
            compare(poor, Report(replace(poor.run, **change), poor.records))
        assert str(caught.value) == (
            f"these reports cannot be compared: they differ in {told}; evaluate both the same way"
        )

    def test_says_everything_that_differs(self, poor: Report) -> None:
        other = Report(replace(poor.run, dataset="mine", setting="aliases"), poor.records)
        with pytest.raises(DataError, match=r"dataset \(.*\), setting \(.*\); evaluate"):
            compare(poor, other)


class TestMarkdown:
    def test_holds_the_differences_and_the_photos(self, comparison: Comparison) -> None:
        lines = markdown(comparison).splitlines()
        found = by_name(comparison, "mIoU")
        (row,) = [line for line in lines if line.startswith("| mIoU ")]
        assert row == (
            f"| mIoU | {found.first:.1f} | {found.second:.1f} | +{found.change.value:.1f} "
            f"| {found.change.low:.1f} to {found.change.high:.1f} | better |"
        )
        rows = [line for line in lines if line.startswith("| photo ")][1:]
        assert [row.split(" | ")[0] for row in rows] == [f"| {change.name}" for change in comparison.photos[:PHOTOS]]
        assert f"{len(comparison.photos)} photos changed; the {PHOTOS} that changed most:" in lines

    def test_says_what_was_compared(self, comparison: Comparison) -> None:
        text = markdown(comparison)
        assert text.startswith("# drawn: tiny (A) and other (B)\n")
        for told in (
            "A: tiny, weights and settings sha256 abab",
            "settings sha256 cd; torch 3",
            "\n    again\n",
        ):
            assert told in text

    def test_nothing_from_outside_becomes_html(self) -> None:
        run = dict.fromkeys(("dataset", "model", "model_sha256", "command", "setting"), HOSTILE)
        first, second = (draw_report(skill=skill, **run).report for skill in (0.2, 0.7))
        records = [replace(record, name=f"{HOSTILE}{index}") for index, record in enumerate(first.records)]
        renamed = [replace(record, name=f"{HOSTILE}{index}") for index, record in enumerate(second.records)]
        text = markdown(compare(Report(first.run, records), Report(second.run, renamed)))
        blocks = MarkdownIt().enable("table").parse(text)
        inside = [token for block in blocks for token in block.children or ()]
        assert not {token.type for token in [*blocks, *inside]} & {"html_block", "html_inline", "link_open", "em_open"}
        shown = ["".join(token.content for token in block.children) for block in blocks if block.children]
        assert sum(words.startswith(HOSTILE) for words in shown) >= 5
