"""One stem for each photo, and none of them twice."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from freeseg.results.stems import next_stem, stems_of

PARTS = st.sampled_from(["a", "A", "a.b", "a-2", "b", "a.png", ".hidden", "é"])
KEYS = st.tuples(st.sampled_from(["", "x/", "X/"]), PARTS, st.sampled_from(["", ".jpg", ".PNG", ".png"])).map("".join)


@given(st.lists(KEYS, unique=True, max_size=30))
def test_no_two_photos_of_a_stream_share_a_place_whatever_the_file_system(keys: list[str]) -> None:
    taken: set[str] = set()
    stems = [next_stem(key, taken) for key in keys]
    assert len({stem.casefold() for stem in stems}) == len(keys)
    assert all(Path(stem).parent == Path(key).parent for stem, key in zip(stems, keys, strict=True))


def stems(*names: str) -> list[str]:
    return stems_of([PurePosixPath(name) for name in names])


class TestStemsOf:
    def test_sub_folders_are_mirrored(self) -> None:
        assert stems("cat.jpg", "a/cat.jpg", "a/b/dog.tar.png") == ["cat", "a/cat", "a/b/dog.tar"]

    def test_photos_that_differ_only_in_their_suffix_keep_it(self) -> None:
        assert stems("x.jpg", "y.jpg", "x.png") == ["x.jpg", "y", "x.png"]

    def test_case_alone_tells_nothing_on_some_disks(self) -> None:
        assert stems("A.jpg", "a.jpg") == ["A.jpg", "a.jpg-2"]

    def test_the_same_name_in_two_named_folders_gets_a_number(self) -> None:
        assert stems("x.jpg", "x.jpg", "x.jpg") == ["x.jpg", "x.jpg-2", "x.jpg-3"]

    def test_a_number_that_is_taken_is_passed_over(self) -> None:
        assert stems("x.jpg-2.png", "x.jpg", "x.jpg") == ["x.jpg-2", "x.jpg", "x.jpg-3"]
        assert stems("x.jpg", "x.jpg", "x.jpg-2.png") == ["x.jpg", "x.jpg-2", "x.jpg-2-2"]

    @given(st.lists(st.from_regex(r"\A(a/)?[xy](\.jpg|-2)*\.(jpg|png)\Z"), max_size=12))
    def test_no_two_photos_share_a_place(self, names: list[str]) -> None:
        found = stems(*names)
        assert len(set(found)) == len(found) == len(names)
        for stem, name in zip(found, names, strict=True):
            assert PurePosixPath(stem).parent == PurePosixPath(name).parent
