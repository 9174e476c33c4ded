"""The numbers of the decision rule in files, those of 0.1.0 among them."""

from __future__ import annotations

import pytest

from freeseg.decision.rule import Decision
from freeseg.errors import FreeSegError

OF_0_1_0 = {
    "smoothing": 5,
    "logit_scale": 30.0,
    "presence_share": 0.1,
    "presence_ratio": 0.2,
    "presence_floor": 0.3,
    "background_margin": 0.4,
    "refine_steps": 6,
    "ignore_below": 0.7,
}


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_a_file_tells_the_whole_rule(weight: float) -> None:
    rule = Decision(smoothing=5, presence_share=0.2, presence_weight=weight)
    assert Decision.from_json(rule.to_json()) == rule
    assert rule.to_json()["presence_weight"] == weight


def test_a_file_of_0_1_0_is_read_and_written_as_it_was() -> None:
    rule = Decision.from_json(OF_0_1_0)
    assert rule.presence_weight == 0
    assert rule.to_json() == OF_0_1_0
    assert repr(rule) == (  # of which hashes are taken
        "Decision(smoothing=5, logit_scale=30.0, presence_share=0.1, presence_ratio=0.2, presence_floor=0.3, "
        "background_margin=0.4, refine_steps=6, ignore_below=0.7)"
    )


def test_what_such_a_file_leaves_out_is_what_was_default_then() -> None:
    rule = Decision.from_json({"smoothing": 1})
    assert (rule.presence_share, rule.presence_ratio, rule.presence_floor) == (0.06, 0.55, 0.7)
    assert (rule.logit_scale, rule.background_margin, rule.refine_steps) == (20.0, 0.03, 10)


@pytest.mark.parametrize(("changes", "error"), [({"presence_weight": 11}, FreeSegError), ({"weight": 1}, TypeError)])
def test_what_makes_no_sense_is_refused(changes: dict[str, float], error: type[Exception]) -> None:
    with pytest.raises(error, match="weight"):
        Decision.from_json(OF_0_1_0 | changes)
