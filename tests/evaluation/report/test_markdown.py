"""The Markdown report: every number in its place, and nothing from outside that becomes markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.report.markdown import markdown
from freeseg.evaluation.report.markdown_table import escape, table
from reports import CLASSES, HOSTILE, Drawn, draw_report

READER = MarkdownIt().enable("table")


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_report()


def rows(page: str, head: str) -> list[list[str]]:
    """The rows of the table whose first line starts so."""
    lines = page.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(head))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


class TestReport:
    def test_holds_the_headline_numbers_with_their_intervals(self, drawn: Drawn) -> None:
        found = rows(markdown(drawn.report), "|  | measured")
        assert [row[0] for row in found] == [headline.name for headline in HEADLINES]
        for name, value, span in found:
            number = drawn.report.numbers()[name]
            assert float(value) == pytest.approx(number.value, abs=0.0501)
            assert [float(bound) for bound in span.split(" to ")] == pytest.approx(
                [number.low, number.high], abs=0.0501
            )

    def test_holds_every_class(self, drawn: Drawn) -> None:
        found = rows(markdown(drawn.report), "| class")
        assert [row[0] for row in found] == list(CLASSES)
        for shown, row in zip(found, drawn.report.per_class(), strict=True):
            assert shown[1] == f"{row.iou:.1f}"
            assert int(shown[-1]) == row.photos
        assert found[-1][3] == "n/a"  # the accuracy on a class that is nowhere

    def test_says_how_it_was_measured(self, drawn: Drawn) -> None:
        page = markdown(drawn.report)
        assert "6 photos, 5 classes (1 in none of these photos)" in page
        assert "Setting plain, protocol freeseg" in page
        assert ["short_side", "none"] in rows(page, "| protocol")
        assert "\n    freeseg evaluate --dataset drawn\n" in page
        assert "python 3.11, torch 2" in page
        assert "ab" * 32 in page

    def test_lists_the_largest_mix_up_first(self, drawn: Drawn) -> None:
        truth = [(t, p) for record in drawn.report.records for t, p, n in record.counts["confusion"] for _ in range(n)]
        pairs = {(t, p) for t, p in truth if t != p and p < len(CLASSES)}
        share, (true, said) = max((truth.count(pair) / sum(t == pair[0] for t, _ in truth), pair) for pair in pairs)
        (first, *_) = re.findall(r"^- (.*)$", markdown(drawn.report), re.MULTILINE)
        assert first == f"{CLASSES[true]} taken for {CLASSES[said]}: {100 * share:.1f} % of its pixels"


class TestEscaping:
    def test_nothing_from_outside_becomes_html_or_markup(self) -> None:
        hostile = dict.fromkeys(("dataset", "setting", "model", "model_sha256"), HOSTILE)
        protocol, versions = {"name": HOSTILE, HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}
        command = f"freeseg\n# not a head\n{HOSTILE}"
        drawn = draw_report(
            classes=("background", HOSTILE, "a\n\n# b", "x"),
            protocol=protocol,
            versions=versions,
            command=command,
            **hostile,
        )
        blocks = READER.parse(markdown(drawn.report))
        inside = [token for block in blocks for token in block.children or ()]
        kinds = [token.type for token in [*blocks, *inside]]
        assert not {*kinds} & {"html_block", "html_inline", "link_open", "em_open", "strong_open", "code_inline"}
        assert kinds.count("heading_open") == 1
        shown = ["".join(token.content for token in block.children) for block in blocks if block.children]
        assert sum(words == HOSTILE for words in shown) >= 3

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.text("_*a `<1\\", max_size=12))
    def test_text_is_shown_as_it_is(self, outside: str) -> None:
        shown = READER.renderInline("x" + escape(outside) + "x")
        plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        assert plain == "x" + " ".join(outside.split()) + "x"

    @given(st.lists(st.text(max_size=9), min_size=1, max_size=3))
    def test_a_row_has_as_many_cells_as_it_was_given(self, cells: list[str]) -> None:
        tokens = READER.parse("\n".join(table(["a"] * len(cells), [cells])))
        assert sum(token.type == "td_open" for token in tokens) == len(cells)
