"""Text embeddings on disk: the same numbers as computed, and never a reason to fail."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.words import embedding_cache
from freeseg.words.embedded import WordEmbeddings
from freeseg.words.embedding_cache import FILE, cached_embeddings

WORDS, TEMPLATES = ["cat", "sofa", "猫"], ["a photo of a {}.", "{}"]
MODEL = "m" * 64


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an empty cache, for which everything is worth keeping."""
    monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedding_cache, "WORTH_SECONDS", 0.0)
    return tmp_path / "cache" / FILE


class Counted:
    """Computes other numbers each time, and remembers for which words."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> WordEmbeddings:
        self.asked.append(list(words))
        rng = np.random.default_rng(len(self.asked))
        return WordEmbeddings(*(rng.normal(size=(len(words), width)).astype(np.float32) for width in (5, 7)))


def same(first: WordEmbeddings, second: WordEmbeddings) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def change(place: Path, question: str, *values: object) -> None:
    """Change the database behind the cache's back."""
    with closing(sqlite3.connect(place)) as database, database:
        database.execute(question, values)


class TestKeeping:
    def test_computed_once(self, place: Path) -> None:
        compute = Counted()
        first = cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        second = cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.asked == [WORDS]
        assert same(first, second)
        assert second.joint.dtype == second.tower.dtype == np.float32

    def test_only_new_words_are_computed(self, place: Path) -> None:
        compute = Counted()
        before = cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        after = cached_embeddings(MODEL, ["dog", "sofa", "bus", "cat"], TEMPLATES, compute)
        assert compute.asked == [WORDS, ["dog", "bus"]]
        assert np.array_equal(after.joint[[3, 1]], before.joint[[0, 1]])
        assert same(after, cached_embeddings(MODEL, ["dog", "sofa", "bus", "cat"], TEMPLATES, Counted()))

    def test_a_word_given_twice(self, place: Path) -> None:
        for words in (["cat", "dog", "cat"], ["dog", "cat", "dog"]):
            found = cached_embeddings(MODEL, words, TEMPLATES, Counted())
            assert found.joint.shape == (3, 5)

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True), min_size=1, max_size=6))
    def test_whatever_was_asked_before_each_word_keeps_its_numbers(
        self, tmp_path_factory: pytest.TempPathFactory, questions: list[list[str]]
    ) -> None:
        known: dict[str, bytes] = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FREESEG_CACHE", str(tmp_path_factory.mktemp("cache")))
            patch.setattr(embedding_cache, "WORTH_SECONDS", 0.0)
            compute = Counted()
            for words in questions:
                for word, row in zip(words, cached_embeddings(MODEL, words, TEMPLATES, compute).joint, strict=True):
                    assert known.setdefault(word, row.tobytes()) == row.tobytes()
        assert sorted(word for words in compute.asked for word in words) == sorted(known)

    @pytest.mark.parametrize(("model", "templates"), [("n", TEMPLATES), ("m", ["{}"]), ("m", TEMPLATES[::-1])])
    def test_whatever_changes_the_numbers_is_another_entry(self, place: Path, model: str, templates: list[str]) -> None:
        compute = Counted()
        cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        cached_embeddings(model * 64, WORDS, templates, compute)
        assert compute.asked == [WORDS, WORDS]

    def test_another_version_of_a_library(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compute = Counted()
        cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        monkeypatch.setattr(embedding_cache, "_version", lambda: "99.0")
        cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert len(compute.asked) == 2

    def test_words_are_not_written_down(self, place: Path) -> None:
        cached_embeddings(MODEL, ["unmistakable"], ["a {}"], Counted())
        assert b"unmistakable" not in place.read_bytes()

    def test_only_what_took_long(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embedding_cache, "WORTH_SECONDS", 0.05)
        compute = Counted()
        cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert not place.exists()

        def slow(words: Sequence[str]) -> WordEmbeddings:
            time.sleep(0.06)
            return compute(words)

        cached_embeddings(MODEL, WORDS, TEMPLATES, slow)
        assert place.is_file()

    def test_a_model_without_identity(self, place: Path) -> None:
        compute = Counted()
        for _ in range(2):
            cached_embeddings("", WORDS, TEMPLATES, compute)
        assert len(compute.asked) == 2
        assert not place.exists()

    def test_who_keeps_nothing_hashes_nothing(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embedding_cache, "WORTH_SECONDS", 1000.0)

        def hashed() -> str:
            raise AssertionError("hashed for nothing")

        cached_embeddings(hashed, WORDS, TEMPLATES, Counted())

    def test_what_warned_warns_again(self, place: Path) -> None:
        def cut(words: Sequence[str]) -> WordEmbeddings:
            warnings.warn("a text was cut", stacklevel=2)
            return Counted()(words)

        cached_embeddings(MODEL, ["dog"], TEMPLATES, Counted())  # there is a cache already
        for _ in range(2):
            with pytest.warns(UserWarning, match="a text was cut"):
                cached_embeddings(MODEL, WORDS, TEMPLATES, cut)


class TestDamage:
    @pytest.fixture
    def kept(self, place: Path) -> Path:
        """A cache that holds the words."""
        cached_embeddings(MODEL, WORDS, TEMPLATES, Counted())
        return place

    def is_repaired(self, words: list[str]) -> None:
        """These words are computed anew, and then they are there again."""
        compute = Counted()
        first = cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.asked == [words]
        assert same(cached_embeddings(MODEL, WORDS, TEMPLATES, compute), first)
        assert len(compute.asked) == 1

    @pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
    def test_a_file_that_is_no_database(self, kept: Path, content: bytes) -> None:
        kept.write_bytes(content)
        self.is_repaired(WORDS)

    def test_a_file_that_was_cut(self, kept: Path) -> None:
        kept.write_bytes(kept.read_bytes()[:-3000])
        cached_embeddings(MODEL, WORDS, TEMPLATES, Counted())
        assert cached_embeddings(MODEL, WORDS, TEMPLATES, Counted()).joint.shape == (3, 5)

    @pytest.mark.parametrize("value", [b"", b"\0" * 20, "text", 3.5])
    def test_a_changed_number(self, kept: Path, value: object) -> None:
        change(kept, "UPDATE words SET joint = ? WHERE key = (SELECT min(key) FROM words)", value)
        compute = Counted()
        cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        (words,) = compute.asked
        assert len(words) == 1
        assert cached_embeddings(MODEL, WORDS, TEMPLATES, compute).joint.shape == (3, 5)
        assert len(compute.asked) == 1

    def test_entries_that_were_exchanged(self, kept: Path) -> None:
        with closing(sqlite3.connect(kept)) as database, database:
            (first, one), (second, other), _ = database.execute("SELECT key, joint FROM words ORDER BY key").fetchall()
            database.execute("UPDATE words SET joint = ? WHERE key = ?", [other, first])
            database.execute("UPDATE words SET joint = ? WHERE key = ?", [one, second])
        compute = Counted()
        cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert len(compute.asked[0]) == 2

    def test_any_byte_of_the_file_may_change(self, kept: Path) -> None:
        """Never an error, and never other numbers than were kept or computed."""
        whole, original = kept.read_bytes(), cached_embeddings(MODEL, WORDS, TEMPLATES, Counted())
        for position in np.random.default_rng(0).integers(0, len(whole), 60).tolist():
            kept.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
            compute = Counted()
            found = cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
            computed = {word for words in compute.asked for word in words}
            for place, word in enumerate(WORDS):
                assert word in computed or np.array_equal(found.joint[place], original.joint[place])

    def test_a_table_of_another_form(self, kept: Path) -> None:
        change(kept, "DROP TABLE words")
        change(kept, "CREATE TABLE words (key TEXT)")
        assert same(cached_embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()(WORDS))

    def test_a_folder_in_its_place(self, kept: Path) -> None:
        kept.unlink()
        kept.mkdir()
        assert same(cached_embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()(WORDS))


class TestFolder:
    @pytest.mark.parametrize("off", ["off", "OFF", "0", "no", " false "])
    def test_turned_off(self, off: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FREESEG_CACHE", off)
        compute = Counted()
        for _ in range(2):
            cached_embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert len(compute.asked) == 2

    def test_one_that_cannot_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "file"))
        assert same(cached_embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()(WORDS))

    @pytest.mark.usefixtures("full_disk")
    def test_on_a_full_disk(self, place: Path) -> None:
        assert same(cached_embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()(WORDS))
        assert same(cached_embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()(WORDS))

    def test_tests_have_their_own(self) -> None:
        """Nothing outside temporary folders is written, whatever a test forgets."""
        assert "freeseg-tests-" in os.environ["FREESEG_CACHE"]


def test_what_was_used_longest_ago_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "MAX_WORDS", 3)
    cached_embeddings(MODEL, WORDS, TEMPLATES, Counted())
    change(place, "UPDATE words SET used = used - 1000000")
    cached_embeddings(MODEL, ["猫"], TEMPLATES, Counted())  # used again
    cached_embeddings(MODEL, ["dog", "bus"], TEMPLATES, Counted())
    compute = Counted()
    cached_embeddings(MODEL, ["猫", "dog", "bus"], TEMPLATES, compute)
    assert compute.asked == []
    cached_embeddings(MODEL, ["cat"], TEMPLATES, compute)
    assert compute.asked == [["cat"]]


def test_several_processes_fill_one_cache(place: Path) -> None:
    code = """
import sys, numpy as np
from freeseg.words import embedding_cache
from freeseg.words.embedded import WordEmbeddings
embedding_cache.WORTH_SECONDS = 0.0
def compute(words):
    return WordEmbeddings(*(np.full((len(words), 3), float(sys.argv[1]), np.float32) for _ in range(2)))
for number in range(20):
    embedding_cache.cached_embeddings("m", [f"{sys.argv[1]} {number}", f"both {number}"], ["{}"], compute)
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in (1, 2)]
    assert [process.wait() for process in processes] == [0, 0]
    compute = Counted()
    words = [f"{number} {each}" for number in (1, 2) for each in range(20)]
    found = cached_embeddings("m", words, ["{}"], compute)
    assert compute.asked == []
    assert found.joint[:, 0].tolist() == [1.0] * 20 + [2.0] * 20
