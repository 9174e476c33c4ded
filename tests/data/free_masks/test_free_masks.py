"""The folder of free masks: what is read is what was written, and each way in which it may be broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from freeseg.data.free_masks import LABELS, MANIFEST, Entry, open_free_masks, write_settings
from freeseg.errors import DataError, OutputError
from freeseg.mask_values import IGNORE
from freeseg.words import Vocabulary
from masked import ENTRY, SETTINGS, WORDS, draw_masks, entry_of

# With the halves of characters that file names may hold.
NAMES = st.text(st.characters(exclude_characters="\0/"), min_size=1, max_size=20).filter(lambda name: name != "..")


def refusal(act: Callable[[], object], kind: type[Exception] = DataError) -> str:
    """The one line with which something is refused."""
    with pytest.raises(kind) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(NAMES, st.lists(NAMES, unique=True), st.dictionaries(NAMES, st.floats(0, 1)), st.integers(1, 10**6))
def test_a_line_holds_all_of_an_entry(name: str, labels: list[str], areas: dict[str, float], side: int) -> None:
    entry = replace(ENTRY, file=name, labels=tuple(labels), areas=areas, width=side)
    line = entry.line().encode("ascii")
    assert line.count(b"\n") == 1
    assert Entry.parse(line) == entry


@pytest.mark.parametrize("name", ["source", "file", "mask", "confidence"])
@pytest.mark.parametrize("place", ["../out", "/etc/out", "a/../../out", ".."])
def test_a_manifest_leads_nowhere_else(tmp_path: Path, name: str, place: str) -> None:
    draw_masks(tmp_path, ENTRY)
    (tmp_path / MANIFEST).write_text(replace(ENTRY, **{name: place}).line())
    assert f"{name!r} leads out of its folder" in refusal(lambda: open_free_masks(tmp_path))


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    entries = entry_of("a.jpg"), entry_of("b.png", width=7, height=9, known="presence")
    drawn = draw_masks(tmp_path, *entries)
    masks = open_free_masks(str(tmp_path))
    assert (masks.folder, masks.vocabulary, masks.entries) == (tmp_path, WORDS, entries)
    assert masks.labels == ("background", "cat", "dog", "sofa")
    for entry, result in zip(masks.entries, drawn, strict=True):
        mask, confidence = masks.mask(entry), masks.confidence(entry)
        assert mask.dtype == np.int64
        assert np.array_equal(mask, result.mask)
        assert confidence.dtype == np.float32
        assert np.array_equal(confidence, result.confidence)


def test_more_than_255_labels(tmp_path: Path) -> None:
    words = Vocabulary.of([f"thing {number}" for number in range(320)])
    [drawn] = draw_masks(tmp_path, replace(ENTRY, width=60, height=50, labels=("thing 319",)), vocabulary=words)
    masks = open_free_masks(tmp_path)
    mask = masks.mask(masks.entries[0])
    assert Image.open(tmp_path / ENTRY.mask).mode == "I;16"
    assert np.array_equal(mask, drawn.mask)
    assert mask.max() == 321
    assert masks.labels[IGNORE] == "don't know"
    assert (masks.labels[254], masks.labels[256]) == ("thing 253", "thing 254")


def test_of_two_lines_of_a_photo_the_later_counts(tmp_path: Path) -> None:
    """A kill can leave both, where a photo was labelled again."""
    draw_masks(tmp_path, ENTRY, entry_of("b.jpg"), replace(ENTRY, labels=("sofa",)))
    assert open_free_masks(tmp_path).entries == (replace(ENTRY, labels=("sofa",)), entry_of("b.jpg"))


def test_a_half_written_last_line_is_no_entry(tmp_path: Path) -> None:
    draw_masks(tmp_path, ENTRY)
    with (tmp_path / MANIFEST).open("a") as file:
        file.write(entry_of("b.jpg").line()[:-1])
    assert open_free_masks(tmp_path).entries == (ENTRY,)


class TestBroken:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        draw_masks(tmp_path, ENTRY, entry_of("b.jpg"))
        return tmp_path

    @pytest.mark.parametrize("missing", [LABELS, MANIFEST, ENTRY.mask, ENTRY.confidence])
    def test_a_missing_file(self, folder: Path, missing: str) -> None:
        (folder / missing).unlink()
        assert missing in refusal(lambda: open_free_masks(folder))

    @pytest.mark.parametrize(
        "line",
        [
            b'{"source": "photos"',
            b"[]",
            b"\xff",
            ENTRY.line().encode().replace(b'"width": 5', b'"width": "5"'),
            ENTRY.line().encode().replace(b'["cat", "dog"]', b"[1]"),
            ENTRY.line().encode().replace(b'"sha256"', b'"sha512"'),
            re.sub(rb'"ignored": [^,]+', b'"ignored": NaN', ENTRY.line().encode()),
            re.sub(rb'"ignored": [^,]+', b'"ignored": ' + b"[" * 100_000, ENTRY.line().encode()),
            re.sub(rb'"areas": {', b'"areas": {"x": "y", ', ENTRY.line().encode()),
        ],
    )
    def test_a_damaged_line_is_told_by_number(self, folder: Path, line: bytes) -> None:
        whole = (folder / MANIFEST).read_bytes()
        (folder / MANIFEST).write_bytes(whole + line.strip() + b"\n" + whole)
        assert f"{MANIFEST}, line 3: " in refusal(lambda: open_free_masks(folder))

    def test_an_entry_of_another_vocabulary(self, folder: Path) -> None:
        draw_masks(folder, ENTRY, entry_of("b.jpg", labels=("horse",)))
        assert f"{MANIFEST}, line 2: 'horse'" in refusal(lambda: open_free_masks(folder))

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "[" * 100_000,
            '{"format": "freeseg-masks-2"}',
            '{"format": "freeseg-masks-1"}',
            '{"format": "freeseg-masks-1",',
        ],
    )
    def test_damaged_or_foreign_settings(self, folder: Path, content: str) -> None:
        (folder / LABELS).write_text(content)
        assert LABELS in refusal(lambda: open_free_masks(folder))

    def test_labels_that_are_not_the_vocabularys(self, folder: Path) -> None:
        settings = json.loads((folder / LABELS).read_text())
        (folder / LABELS).write_text(json.dumps(settings | {"labels": ["background", "dog", "cat", "sofa"]}))
        assert "the labels are not those of the vocabulary" in refusal(lambda: open_free_masks(folder))

    def test_sizes_that_disagree(self, folder: Path) -> None:
        Image.new("L", (4, 5)).save(folder / ENTRY.mask)
        Image.new("L", (6, 4)).save(folder / ENTRY.confidence)
        masks = open_free_masks(folder)
        assert "is 4x5, its photo 5x4" in refusal(lambda: masks.mask(ENTRY))
        assert "is 6x4, its photo 5x4" in refusal(lambda: masks.confidence(ENTRY))

    def test_a_value_without_a_label(self, folder: Path) -> None:
        Image.fromarray(np.full((4, 5), 4, np.uint8)).save(folder / ENTRY.mask)
        assert "holds 4, but there are 4 labels" in refusal(lambda: open_free_masks(folder).mask(ENTRY))

    @pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
    def test_a_file_that_is_no_picture(self, folder: Path, content: bytes) -> None:
        (folder / ENTRY.mask).write_bytes(content)
        assert ENTRY.mask in refusal(lambda: open_free_masks(folder).mask(ENTRY))

    def test_a_cut_file(self, folder: Path) -> None:
        whole = (folder / ENTRY.mask).read_bytes()
        (folder / ENTRY.mask).write_bytes(whole[: len(whole) * 3 // 4])
        assert ENTRY.mask in refusal(lambda: open_free_masks(folder).mask(ENTRY))

    def test_colours_in_the_place_of_values(self, folder: Path) -> None:
        Image.new("RGB", (5, 4)).save(folder / ENTRY.confidence)
        assert "mode RGB" in refusal(lambda: open_free_masks(folder).confidence(ENTRY))


class TestSettings:
    def test_the_same_go_on(self, tmp_path: Path) -> None:
        write_settings(tmp_path, SETTINGS)
        before = (tmp_path / LABELS).read_bytes()
        write_settings(tmp_path, SETTINGS)
        assert (tmp_path / LABELS).read_bytes() == before

    @pytest.mark.parametrize(
        ("changed", "named"),
        [
            ({"model": "another"}, "another model;"),
            ({"weights": "cd34", "version": "2.0"}, "another weights, version;"),
            ({"vocabulary": WORDS.with_background_words(["sky"])}, "another vocabulary.background_words;"),
            ({"vocabulary": Vocabulary.of("cat", ["sky", "grass"])}, "another vocabulary.labels;"),
            ({"decision": {"smoothing": 3, "ignore_below": 0.5}}, "another decision.ignore_below;"),
        ],
    )
    def test_others_are_refused_by_name(self, tmp_path: Path, changed: dict[str, object], named: str) -> None:
        write_settings(tmp_path, SETTINGS)
        before = (tmp_path / LABELS).read_bytes()
        assert named in refusal(lambda: write_settings(tmp_path, replace(SETTINGS, **changed)), OutputError)
        assert (tmp_path / LABELS).read_bytes() == before

    def test_a_manifest_of_unknown_settings_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / MANIFEST).write_text("mine")
        assert MANIFEST in refusal(lambda: write_settings(tmp_path, SETTINGS), OutputError)
        assert not (tmp_path / LABELS).exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("labels", "cat"), ("labels", ["cat"]), ("labels", [[1]]), ("background_words", "sky"), ("templates", [None])],
)
def test_words_of_another_kind_are_named(tmp_path: Path, name: str, value: object) -> None:
    draw_masks(tmp_path, ENTRY)
    settings = json.loads((tmp_path / LABELS).read_text())
    settings["vocabulary"][name] = value
    (tmp_path / LABELS).write_text(json.dumps(settings))
    assert f"{LABELS}: damaged (vocabulary" in refusal(lambda: open_free_masks(tmp_path))
