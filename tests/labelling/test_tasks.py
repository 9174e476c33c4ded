"""What is to be done: a task for each photo, each in a place of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from freeseg.data import PhotoSource, open_sources
from freeseg.errors import DataError
from freeseg.labelling.tasks import labelling_tasks, source_names
from freeseg.words import Vocabulary
from labelled import CAPTIONS, LABELS, PLAIN
from masked import entry_of

WORDS = Vocabulary.of(LABELS)


def test_a_task_for_each_photo_in_order(sources: Sequence[PhotoSource], folders: list[Path]) -> None:
    found = list(labelling_tasks(sources, WORDS))
    assert [(task.source, task.file) for task in found] == [
        *(("captioned", file) for file in CAPTIONS),
        *(("plain", file) for file in PLAIN),
    ]
    assert [task.number for task in found] == list(range(6))
    assert [task.known for task in found] == [("cat", "sofa"), (), ("dog",), (), (), ()]
    assert [task.rule for task in found] == ["captions", "presence", "captions", *["presence"] * 3]
    assert [task.mask for task in found][:4] == [f"masks/captioned/{stem}.png" for stem in ("a", "b", "b.png", "sub/c")]
    assert found[5].confidence == "confidence/plain/e.png"
    image = (folders[1] / "e.jpg").read_bytes()
    assert found[5].image == image
    assert found[5].sha256 == hashlib.sha256(image).hexdigest()


@pytest.mark.parametrize("second", ["photos", "PHOTOS"])
def test_two_sources_of_one_name_are_refused(tmp_path: Path, second: str) -> None:
    for folder in (tmp_path / "x" / "photos", tmp_path / "y" / second):
        folder.mkdir(parents=True)
        (folder / "a.jpg").touch()
    opened = open_sources([tmp_path / "x" / "photos", tmp_path / "y" / second])
    with pytest.raises(DataError, match="two sources are called"):
        source_names(opened)


def test_an_entry_does_a_task_of_the_same_photo_place_and_captions(sources: Sequence[PhotoSource]) -> None:
    first, second = list(labelling_tasks(sources, WORDS))[:2]
    entry = entry_of("a.png", mask=first.mask, confidence=first.confidence, sha256=first.sha256, labels=first.known)
    assert first.is_done_by(entry)
    assert not first.is_done_by(replace(entry, sha256="0" * 64))
    assert not first.is_done_by(replace(entry, mask="masks/captioned/a.png.png"))
    assert not first.is_done_by(replace(entry, labels=("cat",)))
    assert not first.is_done_by(replace(entry, known="presence"))
    present = entry_of("b.jpg", mask=second.mask, confidence=second.confidence, sha256=second.sha256, known="presence")
    assert second.is_done_by(present)  # which labels are present is the model's word, not the captions'
