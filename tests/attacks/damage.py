"""What is done to inputs that are right, to make bad ones of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x" * 5_000,
    "\x1b[2J",
    "../../x",
    [],
    [1],
    {},
    {"a": 1},
)


class Attack(NamedTuple):
    """A kind of input: what makes a right one, what makes a bad one, and what reads both.

    What reads raises a `FreeSegError` for an input that is refused, and another error for one that must not be read.
    """

    right: Callable[[random.Random], bytes]
    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], object]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Bytes, some of them cut off, changed, doubled or moved."""
    result = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(max(1, len(result)))
        match chance.randrange(4):
            case 0:
                del result[place:]
            case 1:
                result[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                result[place:place] = result[: chance.randrange(1, 64)]
            case _:
                del result[place : place + chance.randrange(1, 64)]
    return bytes(result)


def of_json(right: Any, read: Callable[[bytes, Path], object]) -> Attack:
    """An attack on JSON: a value somewhere in it becomes another one, or is lost; or its bytes are damaged."""

    def make(chance: random.Random) -> bytes:
        content = json.dumps(changed(json.loads(json.dumps(right)), chance)).encode() + b"\n"
        return damaged(content, chance) if chance.random() < 0.2 else content

    return Attack(lambda _: json.dumps(right).encode() + b"\n", make, read)


def changed(value: Any, chance: random.Random, strange: Callable[[Any], Any] | None = None) -> Any:
    """A value with up to three changes, made in place: parts of it that are lost, or become strange ones.

    Args:
        value: Dictionaries and lists, and what is in them.
        chance: What decides.
        strange: Gives a strange value for one; by default any of `STRANGE`.
    """
    for _ in range(chance.randint(1, 3)):
        value = _change_one(value, chance, strange or (lambda _: deepcopy(chance.choice(STRANGE))))
    return value


def _change_one(value: Any, chance: random.Random, strange: Callable[[Any], Any]) -> Any:
    inner = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inner or chance.random() < 0.15:
        return strange(value)
    key = chance.choice(inner)
    if chance.random() < 0.2:
        del value[key]
    else:
        value[key] = _change_one(value[key], chance, strange)
    return value
