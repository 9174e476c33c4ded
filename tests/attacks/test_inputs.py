"""The short form of the attack with bad inputs; `make attack` runs it in full."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from attacks.inputs import ATTACKS, attack


@pytest.mark.parametrize("kind", ATTACKS)
def test_what_is_damaged_was_right(kind: str, tmp_path: Path) -> None:
    right = ATTACKS[kind].right(random.Random(0))  # noqa: S311 - not a secret
    ATTACKS[kind].read(right, tmp_path)


def test_every_bad_input_is_read_or_refused_in_one_line() -> None:
    ended, wrong = attack(range(400), seed=1)
    assert wrong == []
    for kind in ATTACKS:
        assert ended[kind]["refused"] > 0, kind  # or nothing was attacked
