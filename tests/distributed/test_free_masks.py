"""Free masks as rows of Parquet files: they are those of `label`, and a training reads them."""

from __future__ import annotations

import json
import os
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from freeseg.data.free_masks import ParquetFreeMasks, open_free_masks
from freeseg.distributed import Parts, free_mask_plan, missing_blocks, photo_references
from freeseg.distributed.drivers import in_this_process
from freeseg.errors import DataError, OutputError, PhotoError
from freeseg.labelling import label
from freeseg.labelling.photo import LabellingOptions
from freeseg.training.network.labelled_photos import as_sources, find_photos
from freeseg.words import Vocabulary
from many_photos import LABELS, MODEL, draw_photos, rows_of

pytest.importorskip("pyarrow")
VIEWS = (64,)  # costs little


def label_rows(photos: Path, out: Path, **options: object) -> None:
    """Label photos into Parquet files, in this process."""
    plan = free_mask_plan(LabellingOptions(out, Vocabulary.of(LABELS), MODEL, **{"views": VIEWS} | options))  # type: ignore[arg-type]
    found = photo_references([str(photos)], without=str(out), captions=True)
    parts = Parts(str(out))
    with parts.begun(plan):
        list(in_this_process(missing_blocks(found, plan, parts, size=4), plan, str(out)))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, some with captions, and one that cannot be read."""
    folder = draw_photos(tmp_path_factory.mktemp("many") / "photos", 7)
    captions = {"000.png": ["a brown puppy"], "001.png": ["a cat and a dog"], "002.png": ["a lawn"]}
    names = sorted(path.name for path in folder.iterdir())
    lines = [json.dumps({"file": name, "captions": captions.get(name, [])}) for name in names]
    (folder / "captions.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def masks(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> ParquetFreeMasks:
    out = tmp_path_factory.mktemp("labelled") / "rows"
    label_rows(photos, out)
    opened = open_free_masks(out)
    assert isinstance(opened, ParquetFreeMasks)
    return opened


def test_they_are_what_label_writes(photos: Path, masks: ParquetFreeMasks, tmp_path: Path) -> None:
    label(photos, tmp_path / "files", labels=LABELS, model=MODEL, views=VIEWS, workers=1)
    files = open_free_masks(tmp_path / "files")
    assert (masks.labels, masks.vocabulary, masks.place, masks.weights) == (
        files.labels,
        files.vocabulary,
        files.place,
        files.weights,
    )
    assert len(masks.entries) == len(files.entries) == 6
    masks.check_sizes()
    rows = {entry.sha256: entry for entry in masks.entries}
    for entry in files.entries:
        row = rows[entry.sha256]
        for name in ("width", "height", "known", "labels", "areas", "ignored", "model", "version"):
            assert getattr(row, name) == getattr(entry, name), name
        assert np.array_equal(masks.stored_mask(row), files.stored_mask(entry))
        assert masks.stored_mask(row).dtype == files.stored_mask(entry).dtype
        assert np.array_equal(masks.confidence(row), files.confidence(entry))


def test_captions_say_what_may_be_in_a_photo(masks: ParquetFreeMasks) -> None:
    known = {Path(entry.file).name: entry.labels for entry in masks.entries if entry.known == "captions"}
    assert known == {"000.png": ("dog",), "001.png": ("cat", "dog")}


def test_a_photo_that_cannot_be_read_is_a_row_with_its_error(photos: Path, masks: ParquetFreeMasks) -> None:
    (broken,) = (row for row in rows_of(masks.folder) if row["error"])
    assert broken["error"].startswith(f"cannot read {photos / '006.png'}: not a picture")
    assert broken["mask"] is None


def test_other_views_and_rules_are_refused(photos: Path, masks: ParquetFreeMasks) -> None:
    with pytest.raises(OutputError, match=r"other: --ignore-below, --views, model"):
        label_rows(photos, masks.folder, views=(), ignore_below=0.0)


def test_they_know_where_their_photos_are(photos: Path, masks: ParquetFreeMasks, tmp_path: Path) -> None:
    found = find_photos(masks, [])
    assert sorted(photo.path for photo in found) == [str(photos / f"{number:03}.png") for number in range(6)]
    (source,) = as_sources(masks, found)
    assert {photo.image for photo in source} == {(photos / f"{number:03}.png").read_bytes() for number in range(6)}


def test_a_photo_that_has_moved_is_looked_for(photos: Path, tmp_path: Path) -> None:
    was, out = draw_photos(tmp_path / "photos", 2), tmp_path / "rows"
    label_rows(was, out)
    masks = open_free_masks(out)
    was.rename(tmp_path / "moved")
    with pytest.raises(DataError, match=r"photos/000\.png, which is no longer at .*; put it back, or name its folder"):
        find_photos(masks, [tmp_path / "elsewhere"])
    (found,) = find_photos(masks, [tmp_path / "moved"])
    assert found.path == str(tmp_path / "moved/000.png")


def test_photos_in_a_tar_file_are_found_there_again(photos: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        tar.add(photos / "000.png", "a.png")
        tar.add(photos / "001.png", "b.png")
    label_rows(tmp_path / "0.tar", tmp_path / "rows")
    masks = open_free_masks(tmp_path / "rows")
    (tmp_path / "below").mkdir()
    (tmp_path / "0.tar").rename(tmp_path / "below/0.tar")
    found = find_photos(masks, [tmp_path / "below"])
    assert [photo.image() for photo in found] == [(photos / name).read_bytes() for name in ("000.png", "001.png")]
    assert [photo.picture().size for photo in found] == [(80, 60), (80, 60)]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names of files are text there")
def test_a_photo_whose_name_is_no_text_is_found_again(tmp_path: Path) -> None:
    was = draw_photos(tmp_path / "photos", 2)
    name = os.fsdecode(b"caf\xe9.png")
    (was / "000.png").rename(was / name)
    label_rows(was, tmp_path / "rows")
    masks = open_free_masks(tmp_path / "rows")
    assert [photo.path for photo in find_photos(masks, [])] == [str(was / name)]
    was.rename(tmp_path / "moved")
    assert [photo.path for photo in find_photos(masks, [tmp_path / "moved"])] == [str(tmp_path / "moved" / name)]


def test_photos_that_changed_places_are_noticed(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "photos", 3)
    label_rows(photos, tmp_path / "rows")
    masks = open_free_masks(tmp_path / "rows")
    (photos / "000.png").rename(photos / "kept")
    (photos / "001.png").rename(photos / "000.png")
    (photos / "kept").rename(photos / "001.png")
    (source,) = as_sources(masks, find_photos(masks, []))
    with pytest.raises(DataError, match=r"000\.png is not the photo that was labelled as rows/"):
        next(iter(source))


def test_a_photo_that_was_named_twice_counts_once(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "photos", 3)
    lines = [json.dumps({"file": name, "captions": []}) for name in ("000.png", "001.png", "000.png")]
    (photos / "captions.jsonl").write_text("\n".join(lines))
    label_rows(photos, tmp_path / "rows")
    masks = open_free_masks(tmp_path / "rows")
    assert isinstance(masks, ParquetFreeMasks)
    assert [Path(entry.file).name for entry in masks.entries] == ["000.png", "001.png"]
    assert [Path(photo.path).name for photo in masks.photos] == ["000.png", "001.png"]


def test_photos_of_a_parquet_file_with_fewer_rows_are_one_line(photos: Path, tmp_path: Path) -> None:
    from pyarrow import parquet, table

    images = [(photos / name).read_bytes() for name in ("000.png", "001.png")]
    parquet.write_table(table({"image": images}), tmp_path / "0.parquet", row_group_size=1)
    label_rows(tmp_path / "0.parquet", tmp_path / "rows")
    parquet.write_table(table({"image": images[:1]}), tmp_path / "0.parquet")
    found = find_photos(open_free_masks(tmp_path / "rows"), [])
    assert found[0].image() == images[0]
    with pytest.raises(PhotoError, match=r"0\.parquet is damaged, or not the file that it was \(.*\); fetch or write"):
        found[1].image()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "damaged"),
        ('{"kind": "masks"}', "no free masks are there; give a folder that `freeseg label` wrote"),
        ('{"kind": "free masks", "model": "a", "weights_sha256": ""}', "it lacks 'vocabulary'"),
        (
            '{"kind": "free masks", "model": "a", "weights_sha256": "", "vocabulary": {"labels": [{"aliases": []}]}}',
            "name",
        ),
        ('{"kind": "free masks", "model": 1, "weights_sha256": ""}', "its model is no text"),
        (
            '{"kind": "free masks", "model": "a", "weights_sha256": "", "vocabulary": {"labels": [{"aliases": [1]}], '
            '"background_words": [], "templates": []}}',
            "vocabulary.labels",
        ),
    ],
)
def test_a_damaged_plan_is_one_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(DataError) as error:
        open_free_masks(tmp_path)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_part_is_one_line(masks: ParquetFreeMasks, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes((masks.folder / "plan.json").read_bytes())
    (tmp_path / "a.parquet").write_bytes(b"no Parquet")
    with pytest.raises(DataError, match=r"a\.parquet: missing or damaged .*; remove it and run the same"):
        open_free_masks(tmp_path)


def test_a_part_without_the_columns_of_free_masks_is_one_line(masks: ParquetFreeMasks, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    (tmp_path / "plan.json").write_bytes((masks.folder / "plan.json").read_bytes())
    for columns in ({"photo": ["a.jpg"], "error": pyarrow.array([None], pyarrow.string())}, {"photo": ["a.jpg"]}):
        parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
        with pytest.raises(DataError, match=r"a\.parquet/0/0: not a row of free masks"):
            open_free_masks(tmp_path)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"width": 0}, "width is 0"),
        ({"candidates": ["horse"]}, "'horse' is no label of plan.json"),
        ({"where": None}, "NoneType"),
        ({"where": {"path": None, "offset": 0, "size": 0, "column": "", "group": 0}}, "where.path is None"),
    ],
)
def test_a_row_that_makes_no_sense_is_one_line(
    masks: ParquetFreeMasks, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    from pyarrow import parquet

    (tmp_path / "plan.json").write_bytes((masks.folder / "plan.json").read_bytes())
    part = parquet.read_table(min(masks.folder.glob("*.parquet")))
    row = part.slice(0, 1).to_pylist()[0] | changed
    parquet.write_table(type(part).from_pylist([row], schema=part.schema), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=rf"a\.parquet/0/0: not a row of free masks \(.*{re.escape(told)}.*; label the"):
        open_free_masks(tmp_path)


def test_checking_sizes_reads_each_group_of_rows_once(masks: ParquetFreeMasks) -> None:
    from freeseg.photos import tables

    tables._group.cache_clear()
    masks.check_sizes()
    groups = {entry.mask.rpartition("/")[0].rpartition("/")[0] for entry in masks.entries}
    assert tables._group.cache_info().misses == 2 * len(groups)  # of masks, and of confidences
