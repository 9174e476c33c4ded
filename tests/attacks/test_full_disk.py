"""The short form of the attack with full disks; `make attack` runs it in full."""

from __future__ import annotations

import pytest

from attacks.full_disk import Attacker
from attacks.jobs import Place, prepare

LEVELS = {"segment": 2, "heatmap": 2, "label": 2, "evaluate": 2, "pretrain": 2}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(prepare(tmp_path_factory.mktemp("attacked"), photos=4))


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
def test_a_full_disk_is_one_line_and_leaves_no_half_a_file(place: Place, name: str) -> None:
    row = Attacker(name, place, seed=1, mounts=False).attack(range(LEVELS[name]))
    assert row.faults == []
    assert row.refused > 0  # or the disk was never full
