"""One stem for each photo, and none of them twice."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeseg.results.stems import LONGEST, next_stem, shortened, stems_for

PARTS = st.sampled_from(["a", "A", "a.b", "a-2", "b", "a.png", ".hidden", "é"])
KEYS = st.tuples(st.sampled_from(["", "x/", "X/"]), PARTS, st.sampled_from(["", ".jpg", ".PNG", ".png"])).map("".join)


@given(st.lists(KEYS, unique=True, max_size=30))
def test_no_two_photos_of_a_stream_share_a_place_whatever_the_file_system(keys: list[str]) -> None:
    taken: set[str] = set()
    stems = [next_stem(key, taken) for key in keys]
    assert len({stem.casefold() for stem in stems}) == len(keys)
    assert all(Path(stem).parent == Path(key).parent for stem, key in zip(stems, keys, strict=True))


class TestStemsFor:
    def test_sub_folders_are_mirrored(self) -> None:
        assert [stems_for(name, name)[0] for name in ("cat.jpg", "a/cat.jpg", "a/b/dog.tar.png")] == [
            "cat",
            "a/cat",
            "a/b/dog.tar",
        ]

    def test_all_that_follow_differ_for_photos_of_one_name(self) -> None:
        plain, with_suffix, digits = stems_for("0001.jpg", "cam1/0001.jpg")
        assert (plain, with_suffix) == ("0001", "0001.jpg")
        assert digits not in stems_for("0001.jpg", "cam2/0001.jpg")
        assert digits.startswith("0001.jpg-")

    @pytest.mark.parametrize("name", ["...jpg", "..jpg", ".jpg", "a/...jpg", "-", ".a.jpg", "a b.jpg", "caf\udce9.jpg"])
    def test_odd_names_give_a_file_name(self, name: str) -> None:
        for stem in stems_for(name, name):
            assert PurePosixPath(stem).name.strip(".")
            assert PurePosixPath(stem).parent == PurePosixPath(name).parent


class TestShortened:
    @given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=300))
    def test_none_is_too_long_and_a_short_one_stays(self, name: str) -> None:
        short = shortened(f"a/{name}")
        assert len(os.fsencode(short.removeprefix("a/"))) <= LONGEST
        assert (short == f"a/{name}") == (len(os.fsencode(name)) <= LONGEST)
        assert shortened(short) == short

    def test_names_that_begin_alike_stay_apart(self) -> None:
        assert len({shortened("猫" * 100 + end) for end in ("a", "b", "犬", "")}) == 4
