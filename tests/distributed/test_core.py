"""Blocks become parts, in threads of this process: what is in them, and what a second run does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import freeseg
from freeseg.distributed import Block, Outcome, Parts, PhotoReference, forget_errors, model_of, segment_block
from freeseg.distributed.drivers import in_this_process
from freeseg.errors import DataError, FreeSegError, OutputError, WeightsError
from freeseg.results import rle
from many_photos import blocks_of, draw_photos, rows_of, small_plan


def run(photos: Path, out: Path, *, size: int = 3, threads: int = 2) -> list[Outcome]:
    plan = small_plan()
    with Parts(str(out)).begun(plan):
        return list(in_this_process(blocks_of(photos, plan, out, size=size), plan, str(out), threads=threads))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("many") / "photos", 7)


def test_rows_say_what_segment_says(photos: Path, tmp_path: Path) -> None:
    outcomes = run(photos, tmp_path / "out")
    assert sum(each.photos for each in outcomes) == 7
    assert sum(each.broken for each in outcomes) == 1
    *rows, broken = rows_of(tmp_path / "out")
    plan = small_plan()
    model = model_of(plan)
    assert [row["photo"] for row in rows] == [str(photos / f"{number:03}.png") for number in range(6)]
    for row in rows:
        result = model.segment(row["photo"], plan.vocabulary)
        assert (row["width"], row["height"], row["error"]) == (80, 60, None)
        assert dict(zip(row["labels"], row["areas"], strict=True)) == result.areas()
        assert row["confidences"] == [result.mean_confidence(label) for label in row["labels"]]
        for label, counts in zip(row["labels"], row["rles"], strict=True):
            assert counts == rle.encode(result.mask_of(label))["counts"]
    assert broken["photo"] == str(photos / "006.png")
    assert broken["error"].startswith(f"cannot read {photos / '006.png'}: not a picture")
    assert broken["labels"] is None
    assert {row["version"] for row in (*rows, broken)} == {freeseg.__version__}


def test_a_second_run_does_nothing_and_an_interrupted_one_goes_on(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "undisturbed")
    out, plan = tmp_path / "out", small_plan()
    first, *others = blocks_of(photos, plan, out)
    list(in_this_process([first], plan, str(out)))
    assert blocks_of(photos, plan, out) == others
    run(photos, out)
    assert blocks_of(photos, plan, out) == []
    assert rows_of(out) == rows_of(tmp_path / "undisturbed")


def test_photos_that_came_later_are_added_and_none_is_done_twice(photos: Path, tmp_path: Path) -> None:
    here = draw_photos(tmp_path / "photos", 7)
    run(here, tmp_path / "out")
    Image.new("RGB", (80, 60)).save(here / "000-new.png")  # every block of the list is another one now
    assert [each.photos for each in run(here, tmp_path / "out")] == [1]
    names = [row["photo"] for row in rows_of(tmp_path / "out")]
    assert names == sorted(map(str, here.iterdir()))


def test_photos_with_errors_are_done_again_where_that_is_asked_for(photos: Path, tmp_path: Path) -> None:
    here, out, plan = draw_photos(tmp_path / "photos", 7), tmp_path / "out", small_plan()
    run(here, out)
    before = rows_of(out)[:6]
    Image.new("RGB", (80, 60)).save(here / "006.png")
    assert run(here, out) == []
    with Parts(str(out)).begun(plan):
        assert forget_errors(Parts(str(out)), plan) == 1
    assert rows_of(out) == before
    assert run(here, out) == [Outcome(1)]
    assert rows_of(out)[:6] == before
    assert [row["error"] for row in rows_of(out)] == [None] * 7
    assert forget_errors(Parts(str(out)), plan) == 0


def test_bytes_of_a_store_or_a_tar_are_called_by_their_name() -> None:
    table = segment_block([PhotoReference("a.tar/x.jpg", __file__, offset=1, size=9)], small_plan())
    assert table["error"].to_pylist()[0].startswith("cannot read a.tar/x.jpg: not a picture")


def test_other_words_are_refused(photos: Path, tmp_path: Path) -> None:
    parts = Parts(str(tmp_path / "out"))
    with parts.begun(small_plan()):
        pass
    other = r"out holds what was made otherwise \(other: labels\); choose another folder"
    with pytest.raises(OutputError, match=other), parts.begun(small_plan("cat, horse")):
        pass
    (tmp_path / "out" / "plan.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot read .*plan\.json: .*; put it back"), parts.begun(small_plan()):
        pass


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    first, second = Parts(str(tmp_path)), Parts(str(tmp_path))
    with (
        first.begun(small_plan()),
        pytest.raises(OutputError, match="another run is writing to"),
        second.begun(small_plan()),
    ):
        pass


def test_machines_that_differ_are_refused() -> None:
    with pytest.raises(FreeSegError, match=r"a machine has FreeSeg .*, and the run was started by 0\.0\.1"):
        model_of(replace(small_plan(), version="0.0.1"))
    with pytest.raises(WeightsError, match="a machine has another model under the name freeseg-lite"):
        model_of(replace(small_plan(), weights_sha256="0" * 64))


def test_the_plan_is_told(tmp_path: Path) -> None:
    with Parts(str(tmp_path)).begun(small_plan()):
        told = json.loads((tmp_path / "plan.json").read_text())
    assert told["format"] == "freeseg-parts-1"
    assert told["vocabulary"]["labels"][1] == {"aliases": ["dog", "puppy"]}


def test_a_part_that_cannot_be_written_is_told(photos: Path, tmp_path: Path, full_disk: None) -> None:
    block = Block.of([PhotoReference(f"{number}.jpg", "/gone") for number in range(500)], "plan")
    with pytest.raises(OutputError, match="cannot write"):
        list(in_this_process([block], small_plan(), str(tmp_path)))
