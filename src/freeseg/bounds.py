"""Which values a dataclass's fields and a file's entries may have: declared as types, and checked in one place.

No library does it, because a model's files are read at every start, which importing one would delay. And msgspec takes
NaN for a number, names one end of a range only, and does not show what is wrong.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from freeseg.errors import FreeSegError, shortened

MOST_SEED = 2**32 - 1  # what every generator of random numbers takes
MOST_RATE = 1_000  # of learning rates and weight decays: far above any that trains, and far below what float32 holds
MOST_WEIGHT = 1_000_000  # of weights of losses and of temperatures: as well


@dataclass(frozen=True)
class Bounds:
    """In the annotation of a number: which values it may have.

    Attributes:
        least: The smallest value.
        most: The largest value.
        above: What it is above.
        multiple: What it is a whole multiple of.
        odd: Whether it is odd.
        one_of: All values that it may have.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    multiple: int = 1
    odd: bool = False
    one_of: tuple[int, ...] = ()

    def allows(self, value: Any) -> bool:
        """Whether a number is within them; no comparison holds for NaN."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.multiple == 1 or value % self.multiple == 0)
            and not (self.odd and value % 2 == 0)
            and (not self.one_of or value in self.one_of)
        )

    def __str__(self) -> str:
        if self.one_of:
            return f"one of: {', '.join(map(str, self.one_of))}"
        kind = "an odd number" if self.odd else "a number"
        if self.multiple != 1:
            kind = f"a multiple of {self.multiple}"
        if self.least is not None and self.most is not None:
            return f"{kind} from {self.least:,} to {self.most:,}"
        ends = [
            "" if self.above is None else f"above {self.above:,}",
            "" if self.least is None else f"of at least {self.least:,}",
            "" if self.most is None else f"of at most {self.most:,}",
        ]
        return " ".join([kind, " and ".join(filter(None, ends))]).strip()


@dataclass(frozen=True)
class OtherNames:
    """In the annotation of a `Literal`: what else a user may write on the command line for its choices.

    Attributes:
        meant: Other name -> the choice that it stands for. Those that stand for no choice of the `Literal` count for
            nothing.
    """

    meant: Mapping[str, str]


def check_fields(given: Any, names: Mapping[str, str] | None = None) -> None:
    """Check the fields of a dataclass: that they are what their annotations say.

    Numbers with a fraction are finite, and all numbers are within the `Bounds` of their annotation. A field that is
    annotated with a `Literal` has one of its choices. Fields of types that JSON does not have are not looked at.

    Args:
        given: A dataclass's object.
        names: What errors call a field, where it is not its name.

    Raises:
        FreeSegError: A value makes no sense; the message names the field and says what it must be.

    Example:
        >>> @dataclass
        ... class Tea:
        ...     minutes: Annotated[float, Bounds(above=0)] = 3.0
        >>> check_fields(Tea(math.nan))
        Traceback (most recent call last):
        freeseg.errors.FreeSegError: minutes is nan; it must be a number above 0
    """
    hints = _hints(type(given))  # type: ignore[arg-type]
    for field in fields(given):
        check_value((names or {}).get(field.name, field.name), getattr(given, field.name), hints[field.name])


def check_value(name: str, value: Any, hint: Any) -> None:
    """Check a value against a type, as `check_fields` does.

    Args:
        name: What the error calls it.
        value: The value.
        hint: The type.

    Raises:
        FreeSegError: It is of another type, or makes no sense.

    Example:
        >>> check_value("photos", {"holiday": "many"}, dict[str, int])
        Traceback (most recent call last):
        freeseg.errors.FreeSegError: photos is {'holiday': 'many'}; it must be names with a whole number each
    """
    if expected := _problem(value, hint):
        raise FreeSegError(f"{name} is {shortened(value)}; it must be {expected}")


def read_entry(given: Mapping[str, Any], name: str, hint: Any, default: Any = ...) -> Any:
    """An entry of a JSON object, checked against a type, as `check_fields` does.

    Args:
        given: The object.
        name: Of the entry; "a.b" is the entry "b" of the object "a", which may be missing where there is a default.
        hint: The type.
        default: What an entry that is missing or null has, unchecked; `...` where it must be there.

    Raises:
        FreeSegError: It is missing, is of another type, or makes no sense.

    Example:
        >>> read_entry({"tea": {"minutes": 3}}, "tea.minutes", int)
        3
        >>> read_entry({"tea": -1}, "tea.minutes", int, 5)
        Traceback (most recent call last):
        freeseg.errors.FreeSegError: tea is -1; it must be names with a value each
    """
    *outer, last = name.split(".")
    for place, part in enumerate(outer):
        given = {} if given.get(part) is None else given[part]
        check_value(".".join(outer[: place + 1]), given, dict[str, Any])
    if given.get(last) is None:
        if default is ...:
            raise FreeSegError(f"it lacks {name}")
        return default
    check_value(name, given[last], hint)
    return given[last]


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _problem(value: Any, hint: Any) -> str:
    """What a value should be; "" where it is right, or of a type that is not checked."""
    kind, bounds = (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
    if get_origin(kind) in (Union, types.UnionType):
        if value is None and type(None) in get_args(kind):
            return ""
        [kind] = [each for each in get_args(kind) if each is not type(None)]
    if kind in (int, float):
        return _number_problem(value, kind, next((each for each in bounds if isinstance(each, Bounds)), Bounds()))
    if kind in (bool, str):
        return "" if isinstance(value, kind) else "true or false" if kind is bool else "a text"
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "" if value in inner else f"one of: {', '.join(map(str, inner))}"
    if origin in (list, tuple):
        right = isinstance(value, origin) and not any(_problem(each, inner[0]) for each in value)
        return "" if right else f"a list, each of it {_wanted(inner[0])}"
    if origin in (dict, Mapping):
        right = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
        right = right and not any(_problem(each, inner[1]) for each in value.values())
        return "" if right else f"names with {_wanted(inner[1])} each"
    return ""


def _wanted(kind: Any) -> str:
    """What a type takes, in words."""
    return _problem(object(), kind) or "a value"


def _number_problem(value: Any, kind: type, limits: Bounds) -> str:
    is_kind = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    if is_kind and (kind is int or math.isfinite(value)) and limits.allows(value):
        return ""
    return str(limits).replace("number", "whole number" if kind is int else "number")
