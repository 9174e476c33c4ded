"""`--labels`: words, a list by its name, or a file of labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from freeseg.cli.options import read_labels
from freeseg.errors import LabelError
from freeseg.words import vocabulary


def test_words_lists_and_files(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cat|kitten\n# a comment\ndog\n")
    assert read_labels(f" @{tmp_path}/words.txt").aliases == ("cat", "kitten", "dog")
    assert read_labels("cat\ndog\n").names == read_labels("cat; dog").names == ("cat", "dog")
    assert read_labels(" voc20 ") == vocabulary("voc20")


def test_a_file_that_is_not_marked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.txt").write_text("cat\ndog\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabelError, match=r"give --labels '@words\.txt' alone on the command line"):
        read_labels("words.txt")
    with pytest.raises(LabelError, match=r"labels cannot be read from none\.txt: No such file"):
        read_labels("@none.txt")
