"""Numbers that make no sense are refused by name, whatever recipe they stand in."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

import pytest

from freeseg.bounds import MOST_SEED, Bounds, check_fields, read_entry
from freeseg.decision.rule import Decision
from freeseg.errors import FreeSegError
from freeseg.models import Preprocessing
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.teacher.recipe import TeacherRecipe

KINDS: tuple[Any, ...] = (TeacherRecipe, NetworkRecipe, Decision, Preprocessing)
NUMBERS = [
    (kind, field.name, type(getattr(kind(), field.name)))
    for kind in KINDS
    for field in fields(kind)
    if type(getattr(kind(), field.name)) in (int, float)
]


@pytest.mark.parametrize(("kind", "name", "type_"), NUMBERS)
def test_every_number_is_one_and_finite(kind: Any, name: str, type_: type) -> None:
    strange: list[object] = [math.nan, math.inf, -math.inf, "3", None, [1], True]
    if type_ is int:
        strange += [10**30, -1, 1.5, 10**5000]
    else:
        strange += [1e308, -1e308]  # more than float32 holds, in which it is used
    for value in strange:
        with pytest.raises(FreeSegError, match=f"^{name} is .*; it must be ") as caught:
            replace(kind(), **{name: value})
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 150


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_neither_true_nor_false(kind: Any) -> None:
    for field in fields(kind):
        if isinstance(getattr(kind(), field.name), bool):
            with pytest.raises(FreeSegError, match=f"{field.name} is 'no'; it must be true or false"):
                replace(kind(), **{field.name: "no"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"side": 32_000}, "side is 32000; it must be a multiple of 32 from 32 to 2,048"),
        ({"side": 100}, "side is 100; it must be a multiple of 32 from 32 to 2,048"),
        ({"clamp": math.nan}, "clamp is nan; it must be a number above 0 and of at most 1,000,000"),
        ({"frozen_stride": 7}, "frozen_stride is 7; it must be one of: 0, 2, 4, 8, 16, 32"),
        ({"learning_rate": math.inf}, "learning_rate is inf; it must be a number above 0 and of at most 1,000"),
        ({"weight_decay": math.nan}, "weight_decay is nan; it must be a number from 0 to 1,000"),
        ({"seed": 10**30}, f"seed is 1{'0' * 30}; it must be a whole number from 0 to {MOST_SEED:,}"),
        ({"foreground_share": 0.0}, "foreground_share is 0.0; it must be a number above 0 and of at most 1"),
    ],
)
def test_the_message_names_the_bounds(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(FreeSegError) as caught:
        NetworkRecipe(**wrong)
    assert str(caught.value) == said


def test_choices_and_optional_numbers() -> None:
    @dataclass
    class Tea:
        kind: Literal["black", "green"] = "black"
        minutes: Annotated[float | None, Bounds(0, 9)] = None
        spoons: Annotated[int, Bounds(1, odd=True)] = 1

    check_fields(Tea(minutes=9))
    check_fields(Tea())
    for wrong, said in (
        (Tea(minutes=10), "minutes is 10; it must be a number from 0 to 9"),
        (Tea(kind="red"), "kind is 'red'; it must be one of: black, green"),  # type: ignore[arg-type]
        (Tea(spoons=2), "spoons is 2; it must be an odd whole number of at least 1"),
    ):
        with pytest.raises(FreeSegError) as caught:
            check_fields(wrong)
        assert str(caught.value) == said


def test_entries_of_a_file() -> None:
    given: dict[str, Any] = {"tea": {"minutes": 3, "kind": None}, "milk": -1}
    assert read_entry(given, "tea.minutes", int) == 3
    assert read_entry(given, "tea.kind", str, "black") == "black"  # null stands for what is not said
    assert read_entry(given, "cup.size", int, 2) == 2
    for name, hint, said in (
        ("tea.minutes", str, "tea.minutes is 3; it must be a text"),
        ("tea.sugar", str, "it lacks tea.sugar"),
        ("milk.fat", float, "milk is -1; it must be names with a value each"),
        ("tea", list[str], "tea is {'minutes': 3, 'kind': None}; it must be a list, each of it a text"),
    ):
        with pytest.raises(FreeSegError) as caught:
            read_entry(given, name, hint)
        assert str(caught.value) == said
