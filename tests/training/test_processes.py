"""Work that the first of several processes hands out to all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launched import launch, share_work

NOTHING_IS_BAD = -1


def test_items_are_shared_and_come_back_in_order(tmp_path: Path) -> None:
    done = launch(2, share_work, str(tmp_path), 5, NOTHING_IS_BAD, folder=tmp_path)
    assert [each.code for each in done] == [0, 0], done
    found = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(2)]
    assert found == [[[item, item % 2] for item in range(5)]] * 2


@pytest.mark.parametrize("bad", [2, 3], ids=["of the first", "of another"])
def test_an_error_of_one_ends_all(tmp_path: Path, bad: int) -> None:
    for done in launch(2, share_work, str(tmp_path), 5, bad, folder=tmp_path):
        assert done.code == 1
        assert f"{bad} is refused; choose another" in done.err
    assert not any(tmp_path.iterdir())
