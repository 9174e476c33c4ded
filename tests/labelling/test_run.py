"""Labelling whole sources: what is done is not done again, and the folder ends up the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from labelled import CAPTIONS, PLAIN, content, draw_photo

from captioned import as_tar
from freeseg.data import PhotoSource, open_sources
from freeseg.data.free_masks import LABELS, MANIFEST
from freeseg.errors import DataError, OutputError
from freeseg.files import file_lock
from freeseg.labelling import processes
from freeseg.labelling.labeller import Plan, label_photo
from freeseg.labelling.run import SHEET, label
from freeseg.labelling.tasks import LabellingTask
from freeseg.words import Vocabulary

pytestmark = pytest.mark.usefixtures("on_tiny")
FILES = [*(f"captioned/{file}" for file in CAPTIONS), *(f"plain/{file}" for file in PLAIN)]


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The photos that a model was asked about, as they are."""
    seen: list[str] = []

    def watched(job: LabellingTask, *others: object) -> object:
        seen.append(f"{job.source}/{job.file}")
        return label_photo(job, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(processes, "label_photo", watched)
    return seen


def test_all_photos_in_the_order_of_the_sources(sources: Sequence[PhotoSource], plan: Plan, worked: list[str]) -> None:
    told: list[tuple[int, int]] = []
    done = label(sources, plan, progress=lambda done, total, _: told.append((done, total)))
    assert [f"{entry.source}/{entry.file}" for entry in done.masks.entries] == worked == FILES
    assert (done.labelled, done.failed) == (6, [])
    assert told == [(number, 6) for number in range(1, 7)]
    for entry in done.masks.entries:
        assert done.masks.mask(entry).shape == done.masks.confidence(entry).shape
    assert (plan.folder / SHEET).is_file()


def test_what_is_done_is_not_done_again(sources: Sequence[PhotoSource], plan: Plan, worked: list[str]) -> None:
    label(sources, plan)
    before = content(plan.folder)
    worked.clear()
    assert label(sources, plan).labelled == 0
    assert worked == []
    assert content(plan.folder) == before


@pytest.mark.parametrize("lines", range(6))
def test_from_any_point_on_it_ends_up_the_same(
    sources: Sequence[PhotoSource], plan: Plan, worked: list[str], lines: int
) -> None:
    """As a kill leaves it: lines in any order, half of one, half a file, files of photos without a line."""
    label(sources, plan)
    before = content(plan.folder)
    whole = before[MANIFEST].splitlines(keepends=True)
    (plan.folder / MANIFEST).write_bytes(b"".join(whole[:lines][::-1]) + whole[lines][:-9])
    (plan.folder / "masks" / "plain" / ".e.png.abcdefg1.part").write_bytes(b"half")
    (plan.folder / ".manifest.jsonl.abcdefg1.part").write_bytes(b"half")
    (plan.folder / SHEET).unlink()
    worked.clear()
    label(sources, plan)
    assert worked == FILES[lines:]
    assert content(plan.folder) == before


@pytest.mark.parametrize("lost", ["masks/captioned/b.png", "confidence/plain/d.png"])
def test_a_lost_file_is_made_again(sources: Sequence[PhotoSource], plan: Plan, worked: list[str], lost: str) -> None:
    label(sources, plan)
    before = content(plan.folder)
    (plan.folder / lost).unlink()
    worked.clear()
    label(sources, plan)
    assert len(worked) == 1
    assert content(plan.folder) == before


def test_what_changed_is_done_again(folders: list[Path], plan: Plan, worked: list[str]) -> None:
    label(open_sources(folders), plan)
    draw_photo(folders[1] / "d.png", 17)
    lines = (json.dumps({"file": file, "captions": ["a dog"]}) for file in CAPTIONS)
    (folders[0] / "captions.jsonl").write_text("\n".join(lines))
    worked.clear()
    done = label(open_sources(folders), plan)
    assert worked == [*(f"captioned/{file}" for file in CAPTIONS if file != "b.png"), "plain/d.png"]
    assert [entry.labels for entry in done.masks.entries][:4] == [("dog",)] * 4
    fresh = replace(plan, folder=plan.folder.with_name("fresh"))
    label(open_sources(folders), fresh)
    assert content(plan.folder) == content(fresh.folder)


def test_another_source_joins_the_others(folders: list[Path], plan: Plan, worked: list[str]) -> None:
    label(open_sources(folders[1:]), plan)
    label(open_sources(folders[:1]), plan)
    assert worked == [*FILES[4:], *FILES[:4]]
    manifest = (plan.folder / MANIFEST).read_bytes()
    assert [json.loads(line)["source"] for line in manifest.splitlines()] == ["plain"] * 2 + ["captioned"] * 4
    assert label(open_sources(folders), plan).labelled == 0
    assert (plan.folder / MANIFEST).read_bytes() != manifest  # now in the order of both


def test_bad_photos_are_told_and_the_others_done(folders: list[Path], plan: Plan) -> None:
    label(open_sources(folders), plan)
    (folders[1] / "d.png").write_bytes(b"no picture")  # it had a mask
    (folders[0] / "images" / "a.png").write_bytes((folders[0] / "images" / "a.png").read_bytes()[:-99])
    for plan_ in (plan, replace(plan, folder=plan.folder.with_name("fresh"))):
        done = label(open_sources(folders), plan_)
        names = [line.partition(": ")[0] for line in done.failed]
        assert names == ["cannot read captioned/a.png", "cannot read plain/d.png"]
        assert [f"{entry.source}/{entry.file}" for entry in done.masks.entries] == [*FILES[1:4], FILES[5]]


def test_not_one_photo_can_be_read(tmp_path: Path, plan: Plan) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"no picture")
    done = label(open_sources([tmp_path / "bad"]), plan)
    assert (done.labelled, len(done.failed), done.masks.entries) == (0, 1, ())
    assert not (plan.folder / SHEET).exists()


def test_other_settings_are_refused(sources: Sequence[PhotoSource], plan: Plan, worked: list[str]) -> None:
    label(sources, plan)
    before = content(plan.folder)
    worked.clear()
    with pytest.raises(OutputError, match=r"another decision\.ignore_below"):
        label(sources, replace(plan, ignore_below=0.5))
    assert (worked, content(plan.folder)) == ([], before)


def test_two_at_once_are_refused(sources: Sequence[PhotoSource], plan: Plan) -> None:
    label(sources, plan)
    before = sorted(path.stat().st_mtime_ns for path in plan.folder.rglob("*"))
    with file_lock(plan.folder / LABELS), pytest.raises(OutputError, match="another process is labelling into"):
        label(sources, plan)
    assert sorted(path.stat().st_mtime_ns for path in plan.folder.rglob("*")) == before


def test_two_sources_of_one_name_leave_nothing(folders: list[Path], plan: Plan) -> None:
    with pytest.raises(DataError, match="two sources are called 'plain'"):
        label(open_sources([folders[1], folders[1]]), plan)
    assert not plan.folder.exists()


def test_the_sheet_shows_as_many_as_asked_for(sources: Sequence[PhotoSource], plan: Plan) -> None:
    label(sources, plan, sample=0)
    assert not (plan.folder / SHEET).exists()
    label(sources, plan, sample=2, seed=0)
    first = (plan.folder / SHEET).read_bytes()
    label(sources, plan, sample=2, seed=5)
    assert (plan.folder / SHEET).read_bytes() != first


def test_shards(tmp_path: Path, plan: Plan) -> None:
    """A tar has no suffixes in its keys, and no photo that could be opened twice."""
    plan = replace(plan, vocabulary=Vocabulary.of("kite, sky, café"))
    done = label(open_sources([as_tar(tmp_path / "shard.tar")]), plan)
    found = [(entry.file, entry.mask, entry.known, entry.labels) for entry in done.masks.entries]
    assert found[0] == ("a", "masks/shard.tar/a.png", "captions", ("kite", "sky"))
    assert found[1] == ("b", "masks/shard.tar/b.png", "presence", ("kite", "sky", "café"))
    assert found[2] == ("c", "masks/shard.tar/c.png", "captions", ("café",))
