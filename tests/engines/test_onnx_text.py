"""Words without PyTorch: from memory, from the model's own files, from disk, and from the text tower."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

from freeseg.engines.onnx_session import Session
from freeseg.engines.onnx_text import MAX_TOKENS, OnnxText
from freeseg.errors import FreeSegError, WeightsError
from freeseg.models import DEFAULT, embedded_folder, read_config
from freeseg.models.config import WEIGHTS
from freeseg.models.onnx_files import TEXT, TOKENIZER, WORDS, read_onnx_files
from freeseg.words import TEMPLATES, default_background
from light_files import copy_of, describe_as_it_is, text_tower

FOLDER = embedded_folder(DEFAULT)


def text_side(folder: Path = FOLDER, tower: Path | None = None) -> OnnxText:
    sha256 = read_config(FOLDER).weights_sha256
    files = text_tower()
    if tower is not None:
        files = read_onnx_files(tower, tower_sha256=files.tower_sha256)
    shipped = read_onnx_files(folder, weights_sha256=sha256)
    return OnnxText(files, folder / WEIGHTS, sha256, shipped=shipped, threads=1)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The ONNX files that were opened; the cache on disk is empty."""
    names: list[str] = []
    first = Session.__init__

    def note(self: Session, path: Path, **options: object) -> None:
        names.append(path.name)
        first(self, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "__init__", note)
    monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "cache"))
    return names


class TestTheTextTower:
    def test_is_not_opened_for_background_words(self, opened: list[str]) -> None:
        words = text_side()
        found = words.embed_words(default_background(), TEMPLATES)
        assert (found.joint.shape, found.tower.shape) == ((len(default_background()), 384),) * 2
        assert words.unknown_words(default_background()) == []
        assert opened == []
        assert not {"_tokenizer", "_session", "_head"} & set(vars(words))

    def test_is_opened_once_for_a_new_word(self, opened: list[str]) -> None:
        words = text_side()
        words.embed_words(["zebra", "sky"], TEMPLATES)
        words.embed_words(["zebra", "okapi"], TEMPLATES)
        assert opened == [TEXT]

    def test_is_not_opened_for_a_word_on_disk(self, opened: list[str]) -> None:
        expected = text_side().embed_words(["sky", "zebra", "wall"], TEMPLATES)
        again = text_side()
        found = again.embed_words(["sky", "zebra", "wall"], TEMPLATES)
        assert again.unknown_words(["zebra"]) == []
        assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))
        assert opened == [TEXT]

    def test_embeds_background_words_in_other_prompts(self, opened: list[str]) -> None:
        text_side().embed_words(["sky"], ["a drawing of {}"])
        assert opened == [TEXT]


def test_what_ships_is_what_the_tower_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_CACHE", "off")
    words, templates = default_background()[:5], list(TEMPLATES)
    shipped = text_side().embed_words(words, templates)
    other = text_side()
    monkeypatch.setattr(other, "_shipped", None)
    for one, computed in zip(shipped, other.embed_words(words, templates), strict=True):
        np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
        assert (one * computed).sum(axis=1).min() > 0.999


def test_words_in_any_order_and_batch_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_CACHE", "off")
    words = [f"thing number {number} of {number % 7} kinds" for number in range(70)]
    together = text_side().embed_words(words, ["{}"]).joint
    backwards = text_side().embed_words(words[::-1], ["{}"]).joint[::-1]
    np.testing.assert_allclose(together, backwards, atol=2e-3)  # numbers are rounded by the range of their batch


def test_a_long_text_is_cut_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=f"a text was cut after {MAX_TOKENS} tokens"):
        text_side().embed_words(["cat " * 200], ["{}"])


def test_a_word_that_cannot_be_read_is_told_in_every_process(opened: list[str]) -> None:
    for _ in range(2):
        words = text_side()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            words.embed_words(["😀", "zebra"], TEMPLATES)
        assert words.unknown_words(["zebra", "😀"]) == ["😀"]


def test_it_can_be_asked_for_unknown_words_alone() -> None:
    assert text_side().unknown_words(["cat", "😀"]) == ["😀"]


def test_it_can_be_sent_to_another_process() -> None:
    words = text_side()
    expected = words.embed_words(["zebra"], TEMPLATES)
    again = pickle.loads(pickle.dumps(words))  # noqa: S301 - it was made in the line before
    assert np.array_equal(again.embed_words(["zebra"], TEMPLATES).joint, expected.joint)


class TestDamage:
    """Each is said in one line, when the file is first needed."""

    @pytest.fixture(autouse=True)
    def nothing_on_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FREESEG_CACHE", "off")

    @pytest.fixture
    def tower(self, tmp_path: Path) -> Path:
        return copy_of(text_tower().folder, tmp_path / "tower")

    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        return copy_of(FOLDER, tmp_path / "model")

    @pytest.mark.parametrize("name", [TEXT, TOKENIZER])
    def test_a_file_of_the_tower_is_cut_short(self, tower: Path, name: str) -> None:
        (tower / name).write_bytes((tower / name).read_bytes()[:-1])
        with pytest.raises(WeightsError, match=f"{name} was altered or cut short"):
            text_side(tower=tower).embed_words(["zebra"], TEMPLATES)

    @pytest.mark.parametrize("name", [TEXT, TOKENIZER])
    def test_a_file_of_the_tower_is_nonsense(self, tower: Path, name: str) -> None:
        (tower / name).write_text("nonsense")
        describe_as_it_is(tower, name)
        with pytest.raises(FreeSegError, match=f"{name}.*; install FreeSeg again"):
            text_side(tower=tower).embed_words(["zebra"], TEMPLATES)

    def test_the_text_head_is_damaged(self, model: Path) -> None:
        (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[:-1])
        with pytest.raises(WeightsError, match=f"{WEIGHTS} was altered or cut short"):
            text_side(model).embed_words(["zebra"], TEMPLATES)

    def test_the_words_are_damaged(self, model: Path) -> None:
        (model / WORDS).write_bytes(b"nonsense")
        with pytest.raises(WeightsError, match=f"{WORDS} was altered or cut short"):
            text_side(model).embed_words(["sky"], TEMPLATES)
        describe_as_it_is(model, WORDS)
        with pytest.raises(WeightsError, match=f"{WORDS} cannot be read"):
            text_side(model).embed_words(["sky"], TEMPLATES)
