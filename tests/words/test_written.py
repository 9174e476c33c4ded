"""Labels as users write them: what is meant as a list never becomes one label without a word."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from freeseg.errors import LabelError
from freeseg.words import Vocabulary, vocabulary

THREE = ("cat", "dog", "person")


def refused(labels: object) -> str:
    with pytest.raises(LabelError) as caught:
        Vocabulary.of(labels)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


class TestOneText:
    @pytest.mark.parametrize(
        "text",
        [
            "cat\ndog\nperson\n",
            "cat\r\ndog\r\nperson",
            "\ufeffcat\ndog\nperson",
            "cat\rdog\rperson",
            "cat\u2028dog\u2028person",
            "cat;dog; person",
            "cat\tdog\tperson",
            "cat\uff0cdog\u3001person",
            "cat\uff1bdog\u060cperson",
            "cat,\ndog,\nperson,\n",
            "cat, dog\n\n  \nperson",
            "# animals\ncat # the small one\ndog\n#bird\nperson\n",
            "- cat\n- dog\n- person",
            "1. cat\n2. dog\n3) person",
            '"cat", "dog", "person"',
            '["cat", "dog", "person"]',
            '{"labels": ["cat", "dog", "person"]}',
        ],
    )
    def test_separators(self, text: str) -> None:
        assert Vocabulary.of(text).names == THREE

    @pytest.mark.parametrize(
        "text", ["cat. dog. person.", "cat . dog", "cat / dog", "cat - dog", r"cat\ndog\nperson", "\u732b\u3002\u72ac"]
    )
    def test_other_separators_are_refused_with_those_there_are(self, text: str) -> None:
        assert refused(text).endswith("would be one label; separate labels by commas, semicolons or lines")

    def test_marks_inside_one_of_several_labels_stay(self) -> None:
        assert Vocabulary.of("St. Bernard, cat").names == ("St. Bernard", "cat")
        assert Vocabulary.of("St. Bernard\ndoor #3\nt-shirt").names == ("St. Bernard", "door #3", "t-shirt")

    def test_a_long_label_is_warned_of(self) -> None:
        with pytest.warns(UserWarning, match="is taken as one label of 7 words; separate labels by commas"):
            assert len(Vocabulary.of("cat dog person tree car house sky").names) == 1

    def test_the_name_of_a_list(self) -> None:
        assert Vocabulary.of(" voc20 ") == vocabulary("voc20")
        assert Vocabulary.of("voc20", []).background_words == ()

    def test_what_begins_as_json_and_is_none(self) -> None:
        assert "are read as JSON" in refused("['cat', 'dog']")
        assert "are read as JSON" in refused("[cat, dog]")
        assert Vocabulary.of("[bold]cat[/bold], [/]").names == ("[bold]cat[/bold]", "[/]")

    @pytest.mark.parametrize("text", ["labels.txt", "@labels.txt", "@labels", "a/b.csv", "a.names", "cat, a.json"])
    def test_names_of_files_are_refused(self, text: str) -> None:
        assert "is the name of a file and no label" in refused(text)

    def test_names_of_files_that_are_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("labels").write_text("cat\ndog")
        assert "give --labels '@./labels'" in refused("./labels")
        assert Vocabulary.of("labels").names == ("labels",)
        assert [str(each.message) for each in recwarn] == [
            "'labels' is taken as a label, but a file has this name too; separate labels by commas, semicolons or lines"
        ]


class TestListsAndTables:
    @pytest.mark.parametrize(
        ("table", "expected"),
        [
            ({"cat": ["cat", "kitten"], "dog": []}, [("cat", "kitten"), ("dog",)]),
            ({"cat": "kitten, kitty", "dog": None}, [("cat", "kitten", "kitty"), ("dog",)]),
            ({"cat": ("Cat", "kitten")}, [("cat", "kitten")]),
            ({1: "dog", 0: "cat"}, [("cat",), ("dog",)]),
            ({"dog": 1, "cat": 0}, [("cat",), ("dog",)]),
            ({"names": {0: "cat", 1: "dog"}, "nc": 2}, [("cat",), ("dog",)]),
            ({"categories": [{"id": 1, "name": "cat"}], "images": []}, [("cat",)]),
        ],
    )
    def test_tables(self, table: dict[object, object], expected: list[tuple[str, ...]]) -> None:
        assert [label.aliases for label in Vocabulary.of(table).labels] == expected  # type: ignore[arg-type]

    def test_arrays_generators_and_sets(self) -> None:
        assert Vocabulary.of(np.array(["cat", "dog"])).names == ("cat", "dog")
        assert Vocabulary.of(word for word in ("cat", "dog")).names == ("cat", "dog")
        assert Vocabulary.of({"dog", "cat", "bird"}).names == ("bird", "cat", "dog")  # in the same order in every run

    @pytest.mark.parametrize("wrong", [None, 3, 3.5, True, object(), np.array(3), b"cat", len])
    def test_what_holds_no_labels(self, wrong: object) -> None:
        assert refused(wrong).startswith("labels must be a text, a list of texts or a path, not ")

    @pytest.mark.parametrize(
        "wrong", [["cat", ["sofa", "couch"]], ["cat", 3], {"cat": [1]}, {"cat": 2.5}, {"cat": {"a": "b"}}, ["cat", {}]]
    )
    def test_what_is_not_text(self, wrong: object) -> None:
        assert " must be " in refused(wrong)

    @pytest.mark.parametrize("item", ["cat\ndog", "cat\tdog", "cat\r\ndog"])
    def test_an_item_of_several_lines(self, item: str) -> None:
        assert "give each label as an item" in refused([item, "bird"])

    @pytest.mark.parametrize("item", ["cat, dog, person", "cat; dog", "cat. dog."])
    @pytest.mark.parametrize("others", [[], ["bird"]])
    def test_an_item_that_may_be_several_labels(self, item: str, others: list[str]) -> None:
        with pytest.warns(UserWarning, match=f"^{re.escape(repr(item))} in a list is one label; give each label as"):
            assert len(Vocabulary.of([*others, item]).labels) == 1 + len(others)


@pytest.mark.parametrize(
    "text",
    [
        "\"cat\", 'dog'",
        "\u201ccat\u201d, \u2018dog\u2019",
        "\u201ecat\u201c; \u00abdog\u00bb",
        "\u00bbcat\u00ab, \u201adog\u2018",
    ],
)
def test_quotes_around_labels_are_no_part_of_them(text: str) -> None:
    assert Vocabulary.of(text).names == ("cat", "dog")


def test_other_quotes_are_part_of_a_label() -> None:
    assert Vocabulary.of('\u2019cat\u2018, 5\u2019 board, "cat').names == ("\u2019cat\u2018", "5\u2019 board", '"cat')


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.txt", b"\xef\xbb\xbf# animals\r\ncat|kitten\r\n\r\ndog"),
            ("utf16.txt", "cat|kitten\r\ndog\r\n".encode("utf-16")),
            ("a.list", b"cat|kitten, dog"),
            ("a.csv", b"id,name,aliases\n0,cat,kitten\n1,dog,\n"),
            ("semicolons.csv", b"name;synonyms\ncat;kitten\ndog;\n"),
            ("no-head.csv", b"cat,kitten\ndog\n"),
            ("numbered.csv", b"0,cat,kitten\n1,dog\n"),
            ("pandas.csv", b',label,aliases\n0,cat,"kitten"\n1,dog,\n'),
            ("one-row.csv", b"cat|kitten,dog\n"),
            ("a.tsv", b"cat\tkitten\ndog\n"),
            ("a.json", b'{"cat": ["kitten"], "dog": []}'),
            ("list.json", b'["cat|kitten", "dog"]'),
            ("a.yaml", b"cat: [kitten]\ndog:\n"),
            ("list.yml", b"# animals\n- cat|kitten\n- dog\n"),
        ],
    )
    def test_kinds(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        assert [label.aliases for label in Vocabulary.of(tmp_path / name).labels] == [("cat", "kitten"), ("dog",)]

    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [
            ("a.txt", b"# nothing\n\n", "holds no labels; write one a line"),
            ("a.txt", b"", "holds no labels"),
            ("a.png", b"\x89PNG\r\n\x1a\n\0", "it is no text in UTF-8"),
            ("a.txt", b"cat\0dog", "it is no text in UTF-8"),
            ("a.json", b"[", "are read as JSON"),
            ("a.json", b"3", "labels in JSON are a list or a table"),
            ("a.json", b"[3]", "a label must be text, not int"),
            ("a.yaml", b"3", "labels in YAML are a list or a table, and '3' is none"),
            ("a.yaml", b"", "labels in YAML are a list or a table, and '' is none"),
            ("a.yaml", b"- 3", "a label must be text, not int"),
        ],
    )
    def test_what_cannot_be_read(self, tmp_path: Path, name: str, content: bytes, reason: str) -> None:
        (tmp_path / name).write_bytes(content)
        assert reason in refused(tmp_path / name)

    def test_no_file(self, tmp_path: Path) -> None:
        assert "No such file" in refused(tmp_path / "none.txt")
        assert "is a folder; name a file" in refused(tmp_path)


class TestSpellings:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("cat", "\uff43\uff41\uff54"),
            ("caf\u00e9", "cafe\u0301"),
            ("cat", "\u200bcat"),
            ("cat", "c\u00adat"),
            ("cat", "ca\u200dt"),
            ("cat", "\u2066cat\u2069"),
            ("hot dog", "hot\u00a0dog"),
            ("\u2600", "\u2600\ufe0f"),
            ("\u1112\u1161\u11ab", "\ud55c"),
        ],
    )
    def test_one_word_in_two_spellings_is_given_twice(self, first: str, second: str) -> None:
        assert "name it once" in refused([first, second])

    def test_invisible_characters_are_no_part_of_a_name(self) -> None:
        assert Vocabulary.of(["\u200bcat\ufeff", "cafe\u0301"]).names == ("cat", "caf\u00e9")

    @pytest.mark.parametrize("label", ["\u200b", "\ufeff", "\u200d", "\u3164", "\ufe0f", "cat|\u2060"])
    def test_a_label_of_nothing_visible_is_empty(self, label: str) -> None:
        assert "an empty label or alias" in refused([label, "dog"])

    def test_signs_that_join_what_is_seen_stay(self) -> None:
        family, flag = "\U0001f469\u200d\U0001f467", "\U0001f3f4\U000e0067\U000e0062\U000e007f"
        assert Vocabulary.of([family, flag]).names == (family, flag)
