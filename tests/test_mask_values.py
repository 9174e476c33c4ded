"""What the values of a mask mean: 0 is the background where there is one, and 255 is "don't know" always."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeseg.errors import LabelError
from freeseg.mask_values import (
    DONT_KNOW,
    IGNORE,
    UNSURE,
    has_background,
    label_values,
    labels_by_value,
    reserve_ignore,
    to_stored,
)


def names(count: int) -> tuple[str, ...]:
    """So many labels."""
    return tuple(f"label {index}" for index in range(count))


@pytest.mark.parametrize(
    ("labels", "there"),
    [((), False), (("background",), True), (("background", "cat"), True), (("cat", "background"), False)],
)
def test_background_is_value_0(labels: tuple[str, ...], there: bool) -> None:
    assert has_background(labels) is there


@pytest.mark.parametrize("count", [0, 1, 255, 256, 300])
def test_every_value_but_255_is_a_label(count: int) -> None:
    assert label_values(names(count)) == [*range(min(count, 255)), *range(256, count)]


class TestDontKnow:
    """Its name stands at 255 where there are labels on both sides of it."""

    @pytest.mark.parametrize("count", [1, 254, 255])
    def test_is_not_named_where_labels_end_before(self, count: int) -> None:
        assert reserve_ignore(names(count)) == names(count)

    @pytest.mark.parametrize("count", [256, 257, 400])
    def test_moves_those_after_it_up_by_one(self, count: int) -> None:
        reserved = reserve_ignore(names(count))
        assert reserved[255] == DONT_KNOW
        assert reserved[:255] + reserved[256:] == names(count)
        assert reserve_ignore(reserved) == reserved

    def test_is_no_label(self) -> None:
        with pytest.raises(LabelError, match=r"is kept for pixels without a label; rename that label$"):
            reserve_ignore((DONT_KNOW, *names(255)))
        assert reserve_ignore((DONT_KNOW, *names(254))) == (DONT_KNOW, *names(254))  # of 255 labels it may be one


@pytest.mark.parametrize(
    ("options", "values"),
    [({}, ("background", "cat")), ({"background": True}, ("background", "cat")), ({"background": False}, ("cat",))],
)
def test_labels_by_value(options: dict[str, bool], values: tuple[str, ...]) -> None:
    assert labels_by_value(("cat",), **options) == values


def test_labels_by_value_of_many_labels() -> None:
    assert labels_by_value(names(255))[254:] == ("label 253", DONT_KNOW, "label 254")
    assert labels_by_value(names(256), background=False)[254:] == ("label 254", DONT_KNOW, "label 255")


@given(st.integers(1, 700), st.data())
def test_what_is_stored_names_what_was_decided(count: int, data: st.DataObject) -> None:
    decided = data.draw(st.lists(st.integers(UNSURE, count - 1), min_size=1, max_size=20))
    stored = to_stored(np.array([decided], np.int32), count)
    assert stored.dtype == (np.uint8 if count <= 255 else np.uint16)
    by_value = reserve_ignore(names(count))
    for label, value in zip(decided, stored[0].tolist(), strict=True):
        if label == UNSURE:
            assert value == IGNORE
        else:
            assert by_value[value] == names(count)[label]
