"""Text embeddings on disk: the same numbers as computed, and never a reason to fail."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from freeseg.words import embedding_cache as text_cache
from freeseg.words.embedding_cache import embeddings, folder

Rows = NDArray[np.float32]
WORDS, TEMPLATES = ["cat", "sofa", "猫"], ["a photo of a {}.", "{}"]
MODEL = "m" * 64


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for which everything is worth keeping."""
    monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(text_cache, "WORTH_SECONDS", 0.0)
    return tmp_path / "cache" / "text"


class Counted:
    """Computes other numbers each time, and counts the times."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, Rows]:
        self.times += 1
        rng = np.random.default_rng(self.times)
        return {
            name: rng.normal(size=(len(WORDS), width)).astype(np.float32) for name, width in (("joint", 5), ("raw", 7))
        }


def same(first: dict[str, Rows], second: dict[str, Rows]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


class TestKeeping:
    def test_computed_once(self, place: Path) -> None:
        compute = Counted()
        first = embeddings(MODEL, WORDS, TEMPLATES, compute)
        second = embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.times == 1
        assert same(first, second)
        assert second["joint"].dtype == np.float32

    def test_half_precision_and_transposed_tensors_come_back(self, place: Path) -> None:
        rng = np.random.default_rng(0)
        made = {
            "joint": rng.normal(size=(5, 3)).astype(np.float32).T,
            "half": rng.normal(size=(3, 2)).astype(np.float16),
        }
        embeddings(MODEL, WORDS, TEMPLATES, lambda: made)
        found = embeddings(MODEL, WORDS, TEMPLATES, Counted())
        assert same(found, made)
        assert found["half"].dtype == np.float16

    @pytest.mark.parametrize(
        ("other", "words", "templates"),
        [
            ("n", WORDS, TEMPLATES),
            ("m", ["cat", "sofa", "dog"], TEMPLATES),
            ("m", ["sofa", "cat", "猫"], TEMPLATES),
            ("m", WORDS, ["{}"]),
            ("m", WORDS, TEMPLATES[::-1]),
        ],
    )
    def test_whatever_changes_the_numbers_changes_the_file(
        self, place: Path, other: str, words: list[str], templates: list[str]
    ) -> None:
        compute = Counted()
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        embeddings(other * 64, words, templates, compute)
        assert compute.times == 2
        assert len(list(place.iterdir())) == 2

    def test_the_same_prompts_from_other_words(self, place: Path) -> None:
        """Two words in one template are not one word in two."""
        embeddings(MODEL, ["cat", "a cat"], ["{}"], lambda: {"joint": np.zeros((2, 1), np.float32)})
        found = embeddings(MODEL, ["cat"], ["{}", "a {}"], lambda: {"joint": np.ones((1, 1), np.float32)})
        assert np.array_equal(found["joint"], np.ones((1, 1), np.float32))

    def test_another_version_of_a_library(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compute = Counted()
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        monkeypatch.setattr(text_cache, "_versions", lambda: ["99.0"])
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.times == 2

    def test_words_are_not_written_down(self, place: Path) -> None:
        embeddings(MODEL, ["unmistakable"], ["a {}"], lambda: {"joint": np.zeros((1, 1), np.float32)})
        (path,) = place.iterdir()
        assert b"unmistakable" not in path.read_bytes()
        assert "unmistakable" not in path.name

    def test_only_what_took_long(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_cache, "WORTH_SECONDS", 0.05)
        compute = Counted()
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert not place.exists()

        def slow() -> dict[str, Rows]:
            time.sleep(0.06)
            return compute()

        embeddings(MODEL, WORDS, TEMPLATES, slow)
        assert len(list(place.iterdir())) == 1

    def test_a_model_without_identity(self, place: Path) -> None:
        compute = Counted()
        for _ in range(2):
            embeddings("", WORDS, TEMPLATES, compute)
        assert compute.times == 2
        assert not place.exists()

    def test_who_keeps_nothing_hashes_nothing(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_cache, "WORTH_SECONDS", 1000.0)

        def hashed() -> str:
            raise AssertionError("hashed for nothing")

        embeddings(hashed, WORDS, TEMPLATES, Counted())

    def test_a_hash_that_is_asked_for_when_needed(self, place: Path) -> None:
        compute = Counted()
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        embeddings(lambda: MODEL, WORDS, TEMPLATES, compute)
        assert compute.times == 1

    def test_what_warned_warns_again(self, place: Path) -> None:
        def cut() -> dict[str, Rows]:
            warnings.warn("a text was cut", stacklevel=2)
            return {"joint": np.zeros((3, 1), np.float32)}

        for _ in range(2):
            with pytest.warns(UserWarning, match="a text was cut"):
                embeddings(MODEL, WORDS, TEMPLATES, cut)


class TestFilesThatAreIgnored:
    @pytest.fixture
    def kept(self, place: Path) -> Path:
        """The file of the embeddings."""
        embeddings(MODEL, WORDS, TEMPLATES, Counted())
        (path,) = place.iterdir()
        return path

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: b"",
            lambda data: data[:-1],
            lambda data: data[:20],
            lambda data: b"\xff" * 100,
            lambda data: b"x" + data,
            lambda data: b"{}",
        ],
    )
    def test_damaged(self, kept: Path, damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
        kept.write_bytes(damage(kept.read_bytes()))
        self.is_rewritten(monkeypatch)

    @pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {text_cache.FORMAT: "0" * 64}])
    def test_anothers(self, kept: Path, metadata: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch) -> None:
        save_file(load_file(kept), kept, metadata)
        self.is_rewritten(monkeypatch)

    @pytest.mark.parametrize(
        "tensors", [{}, {"joint": np.zeros((2, 5), np.float32)}, {"joint": np.zeros((), np.float32)}]
    )
    def test_of_other_rows(self, kept: Path, tensors: dict[str, Rows], monkeypatch: pytest.MonkeyPatch) -> None:
        save_file(tensors, kept, {text_cache.FORMAT: kept.stem})
        self.is_rewritten(monkeypatch)

    def is_rewritten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Even where it would not have been worth keeping."""
        monkeypatch.setattr(text_cache, "WORTH_SECONDS", 1000.0)
        compute = Counted()
        first = embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert same(embeddings(MODEL, WORDS, TEMPLATES, compute), first)
        assert compute.times == 1

    def test_a_folder_in_its_place(self, kept: Path) -> None:
        kept.unlink()
        kept.mkdir()
        assert same(embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()())


class TestFolder:
    @pytest.mark.parametrize("off", ["off", "OFF", "0", "no", " false "])
    def test_turned_off(self, off: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FREESEG_CACHE", off)
        assert folder() is None
        compute = Counted()
        for _ in range(2):
            embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.times == 2

    @pytest.mark.parametrize(
        ("platform", "variables", "expected"),
        [
            ("linux", {}, "HOME/.cache/freeseg/text"),
            ("linux", {"XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere/freeseg/text"),
            ("darwin", {}, "HOME/Library/Caches/freeseg/text"),
            ("win32", {"LOCALAPPDATA": "/local"}, "/local/freeseg/text"),
            ("win32", {}, "HOME/.cache/freeseg/text"),
            ("linux", {"FREESEG_CACHE": "/mine", "XDG_CACHE_HOME": "/elsewhere"}, "/mine/text"),
            ("linux", {"FREESEG_CACHE": "~/mine"}, "HOME/mine/text"),
            ("linux", {"FREESEG_CACHE": ""}, "HOME/.cache/freeseg/text"),
        ],
    )
    def test_of_the_user(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        platform: str,
        variables: dict[str, str],
        expected: str,
    ) -> None:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "FREESEG_CACHE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**variables, "HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "platform", platform)
        assert str(folder()) == expected.replace("HOME", str(tmp_path))

    def test_a_user_without_a_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FREESEG_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", homeless)
        assert folder() is None

    def test_one_that_cannot_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "file"))
        assert same(embeddings(MODEL, WORDS, TEMPLATES, Counted()), Counted()())

    @pytest.mark.usefixtures("full_disk")
    def test_on_a_full_disk(self, place: Path) -> None:
        made = {"joint": np.random.default_rng(0).normal(size=(len(WORDS), 1000)).astype(np.float32)}
        assert same(embeddings(MODEL, WORDS, TEMPLATES, lambda: made), made)
        assert not list(place.iterdir())

    def test_tests_have_their_own(self) -> None:
        """Nothing outside temporary folders is written, whatever a test forgets."""
        assert "freeseg-tests-" in os.environ["FREESEG_CACHE"]


class TestBounds:
    def test_what_was_used_longest_ago_goes_first(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_cache, "LIMIT_BYTES", 3 * 5000)

        def kilobytes(word: str) -> None:
            embeddings(MODEL, [word], ["{}"], lambda: {"joint": np.zeros((1, 1100), np.float32)})  # 4.5 KB

        names: dict[str, Path] = {}
        for age, word in enumerate(["a", "b", "c"]):
            before = set(place.iterdir()) if place.exists() else set()
            kilobytes(word)
            (names[word],) = set(place.iterdir()) - before
            os.utime(names[word], (1e9 + age, 1e9 + age))
        kilobytes("a")  # read: now it is the newest
        kilobytes("d")
        assert {word for word, path in names.items() if path.exists()} == {"a", "c"}
        assert len(list(place.iterdir())) == 3
        assert sum(path.stat().st_size for path in place.iterdir()) <= 3 * 5000

    def test_files_of_others_are_left_alone(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_cache, "LIMIT_BYTES", 0)
        place.mkdir(parents=True)
        for name in ("notes.txt", "model.safetensors", f"{'g' * 64}.safetensors", ".hidden.part"):
            (place / name).write_text("mine")
            os.utime(place / name, (1e9, 1e9))
        embeddings(MODEL, WORDS, TEMPLATES, Counted())
        assert len(list(place.iterdir())) == 4

    def test_what_a_kill_left_half_written_goes(self, place: Path) -> None:
        place.mkdir(parents=True)
        old, new = (place / f".{'0' * 50}.{name}.part" for name in ("old", "new"))
        old.touch()
        new.touch()
        os.utime(old, (1e9, 1e9))
        embeddings(MODEL, WORDS, TEMPLATES, Counted())
        assert not old.exists()
        assert new.exists()  # of a process that is writing it
