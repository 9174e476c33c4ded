"""Text embeddings on disk: the same numbers as computed, and never a reason to fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from freeseg.words import embedding_cache as text_cache
from freeseg.words.embedding_cache import embeddings, folder, identity

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

    def __call__(self) -> dict[str, Tensor]:
        self.times += 1
        generator = torch.Generator().manual_seed(self.times)
        rows = len(WORDS)
        return {"joint": torch.randn(rows, 5, generator=generator), "raw": torch.randn(rows, 7, generator=generator)}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class TestKeeping:
    def test_computed_once(self, place: Path) -> None:
        compute = Counted()
        first = embeddings(MODEL, WORDS, TEMPLATES, compute)
        second = embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.times == 1
        assert same(first, second)
        assert second["joint"].dtype == torch.float32

    def test_half_precision_and_transposed_tensors_come_back(self, place: Path) -> None:
        made = {"joint": torch.randn(5, 3).T, "half": torch.randn(3, 2).to(torch.bfloat16)}
        embeddings(MODEL, WORDS, TEMPLATES, lambda: made)
        found = embeddings(MODEL, WORDS, TEMPLATES, Counted())
        assert same(found, made)
        assert found["half"].dtype == torch.bfloat16

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
        embeddings(MODEL, ["cat", "a cat"], ["{}"], lambda: {"joint": torch.zeros(2, 1)})
        found = embeddings(MODEL, ["cat"], ["{}", "a {}"], lambda: {"joint": torch.ones(1, 1)})
        assert torch.equal(found["joint"], torch.ones(1, 1))

    def test_another_version_of_a_library(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compute = Counted()
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        monkeypatch.setattr(text_cache, "_versions", lambda: ["99.0"])
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert compute.times == 2

    def test_words_are_not_written_down(self, place: Path) -> None:
        embeddings(MODEL, ["unmistakable"], ["a {}"], lambda: {"joint": torch.zeros(1, 1)})
        (path,) = place.iterdir()
        assert b"unmistakable" not in path.read_bytes()
        assert "unmistakable" not in path.name

    def test_only_what_took_long(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_cache, "WORTH_SECONDS", 0.05)
        compute = Counted()
        embeddings(MODEL, WORDS, TEMPLATES, compute)
        assert not place.exists()

        def slow() -> dict[str, Tensor]:
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
        def cut() -> dict[str, Tensor]:
            warnings.warn("a text was cut", stacklevel=2)
            return {"joint": torch.zeros(3, 1)}

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

    @pytest.mark.parametrize("tensors", [{}, {"joint": torch.zeros(2, 5)}, {"joint": torch.zeros(())}])
    def test_of_other_rows(self, kept: Path, tensors: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
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
        made = {"joint": torch.randn(len(WORDS), 1000)}
        assert same(embeddings(MODEL, WORDS, TEMPLATES, lambda: made), made)
        assert not list(place.iterdir())

    def test_tests_have_their_own(self) -> None:
        """Nothing outside temporary folders is written, whatever a test forgets."""
        assert "freeseg-tests-" in os.environ["FREESEG_CACHE"]


class TestBounds:
    def test_what_was_used_longest_ago_goes_first(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_cache, "LIMIT_BYTES", 3 * 5000)

        def kilobytes(word: str) -> None:
            embeddings(MODEL, [word], ["{}"], lambda: {"joint": torch.zeros(1, 1100)})  # 4.5 KB

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


class TestIdentity:
    def test_of_the_weights(self) -> None:
        module = nn.Linear(2, 3)
        first = identity(module)
        assert first == identity(module)
        assert len(first) == 64
        with torch.no_grad():
            module.bias[0] += 1e-6
        assert identity(module) != first

    def test_of_the_structure_and_whatever_else(self) -> None:
        linear = nn.Linear(2, 2)
        made = [
            identity(nn.Sequential(linear, nn.ReLU())),
            identity(nn.Sequential(linear, nn.GELU())),
            identity(linear, nn.ReLU()),
            identity(linear),
            identity(linear, extra="tokenizer"),
            identity(nn.Linear(2, 2).to(torch.bfloat16)),
        ]
        assert len(set(made)) == len(made)

    def test_precision(self) -> None:
        module = nn.Linear(2, 2)
        with torch.no_grad():
            module.weight.copy_(torch.eye(2))
        assert identity(module) != identity(module.to(torch.bfloat16))

    def test_nothing_to_tell_apart(self) -> None:
        assert identity(nn.ReLU()) == ""

    def test_the_same_in_another_process(self) -> None:
        code = (
            "import torch; from torch import nn; from freeseg.words.embedding_cache import identity;"
            "torch.manual_seed(0); print(identity(nn.Linear(3, 4), nn.LayerNorm(4), extra='x'))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        torch.manual_seed(0)
        assert done.stdout.strip() == identity(nn.Linear(3, 4), nn.LayerNorm(4), extra="x")
