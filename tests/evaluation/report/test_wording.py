"""Numbers and names as reports write them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from freeseg.evaluation.report.wording import percent, signed

numbers = st.floats(-100, 100)


@given(numbers)
def test_numbers_are_rounded_and_never_minus_zero(value: float) -> None:
    assert abs(float(percent(value)) - value) <= 0.0501
    assert percent(value) != "-0.0"
    assert len(percent(value).split(".")[1]) == 1


@given(numbers)
def test_only_what_is_shown_as_more_has_a_plus(value: float) -> None:
    assert signed(value).startswith("+") == (float(percent(value)) > 0)
    assert float(signed(value)) == float(percent(value))


def test_what_is_not_measured_has_no_sign() -> None:
    assert percent(math.nan) == signed(math.nan) == "n/a"
