"""Lists of labels in YAML: they mean what the same list means in JSON, and nothing in them is run or multiplied."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import pytest

from freeseg.errors import FreeSegError, LabelError
from freeseg.words import Vocabulary
from freeseg.words.yaml_lists import parse_yaml

BOMB = "a0: &a0 [lol, lol]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
)


def refused(text: str) -> str:
    with pytest.raises(LabelError) as caught:
        parse_yaml(text)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("- cat\n- sofa|couch\n", ["cat", "sofa|couch"]),
        ("[cat, 'potted plant']", ["cat", "potted plant"]),
        ("cat: [kitten, kitty]\ndog:\nsofa: couch\n", {"cat": ["kitten", "kitty"], "dog": None, "sofa": "couch"}),
        ("path: set\nnc: 2\nnames:\n  1: dog\n  0: cat\n", {"names": {"1": "dog", "0": "cat"}}),
        ("dog: 1\ncat: 0\n", {"dog": 1, "cat": 0}),
        ("categories:\n- {id: 1, name: cat}\n", {"categories": [{"id": 1, "name": "cat"}]}),
        (
            "---\n- no\n- 1.5\n- '7'\n- Yes\n",
            ["no", "1.5", "7", "Yes"],
        ),  # YAML 1.1 would make truth and numbers of them
        ("- caf\u00e9\n- \u732b\n", ["caf\u00e9", "\u732b"]),
    ],
)
def test_as_in_json(tmp_path: Path, written: str, same: object) -> None:
    (tmp_path / "words.yaml").write_text(written, encoding="utf-8")
    (tmp_path / "words.json").write_text(json.dumps(same), encoding="utf-8")
    expected = Vocabulary.of(tmp_path / "words.json")
    assert Vocabulary.of(tmp_path / "words.yaml") == expected
    assert expected.names[0] in ("cat", "no", "caf\u00e9")


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch made']",
        "- !!python/object:os.system cat",
        "!!python/name:os.system cat: []",
        "- !!binary Y2F0",
        "- ! cat",
    ],
)
def test_tags_are_refused_and_make_nothing(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(text).startswith("labels in YAML may not have tags ('")
    assert not list(tmp_path.iterdir())


def test_aliases_are_refused_before_they_take_memory() -> None:
    tracemalloc.start()
    try:
        assert refused(BOMB) == "labels in YAML may not have aliases ('*a0'); write the words out"
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert "aliases ('*b')" in refused("base: &b {cat: []}\n<<: *b\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[cat", "this is none (line "),
        ("a: b: c", "this is none (line 1: "),
        ("cat: [\n- dog\n", "this is none (line "),
        ("- c\x07t", "this is none ("),
        ("- cat\n---\n- dog\n", "are one document"),
        ("[" * 10_000, "nested too deeply"),
        ("? [a, b]\n: cat\n", "a name in a YAML table must be text"),
    ],
)
def test_what_is_no_list(text: str, why: str) -> None:
    assert why in refused(text)


def test_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "words.yaml").write_text("- cat")
    with pytest.raises(
        FreeSegError, match=r'^a list of labels in YAML needs PyYAML; run: pip install "freeseg\[yaml\]"$'
    ):
        Vocabulary.of(tmp_path / "words.yaml")
