"""The short form of the attack with bad inputs; `make attack` runs it in full."""

from __future__ import annotations

from attacks.inputs import ATTACKS, attack


def test_every_bad_input_is_read_or_refused_in_one_line() -> None:
    ended, wrong = attack(400, seed=1)
    assert wrong == []
    for kind in ATTACKS:
        assert ended[kind]["refused"] > 0, kind  # or nothing was attacked
