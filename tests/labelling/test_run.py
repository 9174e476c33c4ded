"""Labelling whole sources: what is done is not done again, and the folder ends up the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from captioned import as_tar
from freeseg.data import PhotoSource, open_sources
from freeseg.data.free_masks import LABELS, MANIFEST
from freeseg.errors import DataError, OutputError
from freeseg.files import file_lock
from freeseg.labelling import label, processes
from freeseg.labelling.photo import LabellingOptions, label_photo
from freeseg.labelling.run import SHEET
from freeseg.labelling.tasks import LabellingTask
from freeseg.words import Vocabulary
from labelled import CAPTIONS, PLAIN, content, draw_photo, run

pytestmark = pytest.mark.usefixtures("on_tiny")
FILES = [*(f"captioned/{file}" for file in CAPTIONS), *(f"plain/{file}" for file in PLAIN)]


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The photos that a model was asked about, as they are."""
    seen: list[str] = []

    def watched(task: LabellingTask, *others: object) -> object:
        seen.append(f"{task.source}/{task.file}")
        return label_photo(task, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(processes, "label_photo", watched)
    return seen


def test_all_photos_in_the_order_of_the_sources(
    sources: Sequence[PhotoSource], options: LabellingOptions, worked: list[str]
) -> None:
    told: list[tuple[int, int]] = []
    done = run(sources, options, progress=lambda done, total, _: told.append((done, total)))
    assert [f"{entry.source}/{entry.file}" for entry in done.masks.entries] == worked == FILES
    assert (done.labelled, done.failed) == (6, [])
    assert told == [(number, 6) for number in range(1, 7)]
    for entry in done.masks.entries:
        assert done.masks.mask(entry).shape == done.masks.confidence(entry).shape
    assert (options.folder / SHEET).is_file()


def labelled_once(sources: Sequence[PhotoSource], options: LabellingOptions, worked: list[str]) -> dict[str, bytes]:
    """Label all photos; gives what is in the folder then."""
    run(sources, options)
    worked.clear()
    return content(options.folder)


def test_what_is_done_is_not_done_again(
    sources: Sequence[PhotoSource], options: LabellingOptions, worked: list[str]
) -> None:
    before = labelled_once(sources, options, worked)
    assert run(sources, options).labelled == 0
    assert worked == []
    assert content(options.folder) == before


@pytest.mark.parametrize("lines", range(6))
def test_from_any_point_on_it_ends_up_the_same(
    sources: Sequence[PhotoSource], options: LabellingOptions, worked: list[str], lines: int
) -> None:
    """As a kill leaves it: lines in any order, half of one, half a file, files of photos without a line."""
    run(sources, options)
    before = content(options.folder)
    whole = before[MANIFEST].splitlines(keepends=True)
    (options.folder / MANIFEST).write_bytes(b"".join(whole[:lines][::-1]) + whole[lines][:-9])
    (options.folder / "masks" / "plain" / ".e.png.abcdefg1.part").write_bytes(b"half")
    (options.folder / ".manifest.jsonl.abcdefg1.part").write_bytes(b"half")
    (options.folder / SHEET).unlink()
    worked.clear()
    run(sources, options)
    assert worked == FILES[lines:]
    assert content(options.folder) == before


@pytest.mark.parametrize("lost", ["masks/captioned/b.png", "confidence/plain/d.png"])
def test_a_lost_file_is_made_again(
    sources: Sequence[PhotoSource], options: LabellingOptions, worked: list[str], lost: str
) -> None:
    run(sources, options)
    before = content(options.folder)
    (options.folder / lost).unlink()
    worked.clear()
    run(sources, options)
    assert len(worked) == 1
    assert content(options.folder) == before


def test_what_changed_is_done_again(folders: list[Path], options: LabellingOptions, worked: list[str]) -> None:
    run(open_sources(folders), options)
    draw_photo(folders[1] / "d.png", 17)
    lines = (json.dumps({"file": file, "captions": ["a dog"]}) for file in CAPTIONS)
    (folders[0] / "captions.jsonl").write_text("\n".join(lines))
    worked.clear()
    done = run(open_sources(folders), options)
    assert worked == [*(f"captioned/{file}" for file in CAPTIONS if file != "b.png"), "plain/d.png"]
    assert [entry.labels for entry in done.masks.entries][:4] == [("dog",)] * 4
    fresh = replace(options, folder=options.folder.with_name("fresh"))
    run(open_sources(folders), fresh)
    assert content(options.folder) == content(fresh.folder)


def test_another_source_joins_the_others(folders: list[Path], options: LabellingOptions, worked: list[str]) -> None:
    run(open_sources(folders[1:]), options)
    run(open_sources(folders[:1]), options)
    assert worked == [*FILES[4:], *FILES[:4]]
    manifest = (options.folder / MANIFEST).read_bytes()
    assert [json.loads(line)["source"] for line in manifest.splitlines()] == ["plain"] * 2 + ["captioned"] * 4
    assert run(open_sources(folders), options).labelled == 0
    assert (options.folder / MANIFEST).read_bytes() != manifest  # now in the order of both


def test_bad_photos_are_told_and_the_others_done(folders: list[Path], options: LabellingOptions) -> None:
    run(open_sources(folders), options)
    (folders[1] / "d.png").write_bytes(b"no picture")  # it had a mask
    (folders[0] / "images" / "a.png").write_bytes((folders[0] / "images" / "a.png").read_bytes()[:-99])
    for each in (options, replace(options, folder=options.folder.with_name("fresh"))):
        done = run(open_sources(folders), each)
        names = [line.partition(": ")[0] for line in done.failed]
        assert names == ["cannot read captioned/a.png", "cannot read plain/d.png"]
        assert [f"{entry.source}/{entry.file}" for entry in done.masks.entries] == [*FILES[1:4], FILES[5]]


@pytest.mark.parametrize("name", ["masks/plain/a.png", "confidence/x.png", SHEET, "masks"])
def test_files_of_somebody_else_are_left_alone(folders: list[Path], options: LabellingOptions, name: str) -> None:
    path = options.folder / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    before = content(options.folder)
    with pytest.raises(OutputError, match="is there already, and FreeSeg did not write it"):
        run(open_sources(folders), options)
    assert content(options.folder) == before


def test_a_mask_that_cannot_be_written_costs_no_other(
    folders: list[Path], options: LabellingOptions, worked: list[str]
) -> None:
    run(open_sources(folders), options)
    mask = options.folder / "masks" / "plain" / "d.png"
    mask.unlink()
    mask.mkdir()
    done = run(open_sources(folders), options)
    assert len(done.failed) == 1
    assert str(mask) in done.failed[0]
    assert len(done.masks.entries) == 5
    mask.rmdir()
    assert len(run(open_sources(folders), options).masks.entries) == 6


def test_long_names(tmp_path: Path, options: LabellingOptions) -> None:
    (tmp_path / "long").mkdir()
    names = ["l" * 250 + ".jpg", "l" * 250 + ".png", "猫" * 82 + ".jpg", "猫" * 82 + ".png"]
    for name in names:
        Image.new("RGB", (40, 30)).save(tmp_path / "long" / name)
    done = run(open_sources([tmp_path / "long"]), options)
    assert (done.labelled, done.failed) == (4, [])
    assert sorted(entry.file for entry in done.masks.entries) == sorted(names)


def test_not_one_photo_can_be_read(tmp_path: Path, options: LabellingOptions) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"no picture")
    done = run(open_sources([tmp_path / "bad"]), options)
    assert (done.labelled, len(done.failed), done.masks.entries) == (0, 1, ())
    assert not (options.folder / SHEET).exists()


def test_other_settings_are_refused(
    sources: Sequence[PhotoSource], options: LabellingOptions, worked: list[str]
) -> None:
    before = labelled_once(sources, options, worked)
    with pytest.raises(OutputError, match=r"another decision\.ignore_below"):
        run(sources, replace(options, ignore_below=0.5))
    assert (worked, content(options.folder)) == ([], before)


def test_two_at_once_are_refused(sources: Sequence[PhotoSource], options: LabellingOptions) -> None:
    run(sources, options)
    before = sorted(path.stat().st_mtime_ns for path in options.folder.rglob("*"))
    with file_lock(options.folder / LABELS), pytest.raises(OutputError, match="another process is labelling into"):
        run(sources, options)
    assert sorted(path.stat().st_mtime_ns for path in options.folder.rglob("*")) == before


def test_two_sources_of_one_name_leave_nothing(folders: list[Path], options: LabellingOptions) -> None:
    with pytest.raises(DataError, match="two sources are called 'plain'"):
        run(open_sources([folders[1], folders[1]]), options)
    assert not options.folder.exists()


def test_the_sheet_shows_as_many_as_asked_for(sources: Sequence[PhotoSource], options: LabellingOptions) -> None:
    run(sources, options, sample=0)
    assert not (options.folder / SHEET).exists()
    run(sources, options, sample=2, seed=0)
    first = (options.folder / SHEET).read_bytes()
    run(sources, options, sample=2, seed=5)
    assert (options.folder / SHEET).read_bytes() != first


def test_shards(tmp_path: Path, options: LabellingOptions) -> None:
    """A tar has no suffixes in its keys, and no photo that could be opened twice."""
    options = replace(options, vocabulary=Vocabulary.of("kite, sky, café"))
    done = run(open_sources([as_tar(tmp_path / "shard.tar")]), options)
    found = [(entry.file, entry.mask, entry.known, entry.labels) for entry in done.masks.entries]
    assert found[0] == ("a", "masks/shard.tar/a.png", "captions", ("kite", "sky"))
    assert found[1] == ("b", "masks/shard.tar/b.png", "presence", ("kite", "sky", "café"))
    assert found[2] == ("c", "masks/shard.tar/c.png", "captions", ("café",))


@pytest.mark.parametrize("kind", [Path, str])
def test_sources_may_be_paths(folders: list[Path], tmp_path: Path, kind: type) -> None:
    done = label([kind(folder) for folder in folders], kind(tmp_path / "out"), labels="cat, dog", workers=1)
    assert (done.labelled, done.removed, done.failed) == (6, 0, [])
    assert done.masks.labels == ("background", "cat", "dog")
    alone = label(kind(folders[1]), kind(tmp_path / "out"), labels="cat, dog", workers=1)
    assert (alone.labelled, len(alone.masks.entries)) == (0, 6)


def test_results_inside_the_photos_folder_are_no_photos(folders: list[Path]) -> None:
    for _ in range(2):
        done = label([folders[1]], folders[1] / "masks", labels="cat, dog", workers=1)
        assert [entry.file for entry in done.masks.entries] == list(PLAIN)
