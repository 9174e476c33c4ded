"""What a model saw of photos, kept in parts, and asked for words later."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from freeseg.distributed import Outcome, Parts, embedding_plan, missing_queries, model_of, query_plan
from freeseg.distributed.drivers import in_this_process
from freeseg.errors import DataError
from many_photos import LABELS, MODEL, SHORT_SIDE, blocks_of, draw_photos, embed_here, rows_of, small_plan


def ask(embeddings: Path, out: Path) -> list[Outcome]:
    source, parts = Parts(str(embeddings)), Parts(str(out))
    plan = query_plan(source.plan(), LABELS)
    with parts.begun(plan):
        return list(in_this_process(missing_queries(source, plan, parts), plan, str(out), threads=2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, and their embeddings."""
    folder = tmp_path_factory.mktemp("embedded")
    embed_here(draw_photos(folder / "photos", 7), folder / "embeddings")
    return folder


def test_embeddings_are_those_of_the_model(folder: Path) -> None:
    *rows, broken = rows_of(folder / "embeddings")
    assert broken["patches"] is None
    assert broken["error"].startswith("cannot read")
    seen = model_of(embedding_plan(model=MODEL, short_side=SHORT_SIDE)).look(rows[0]["photo"])
    assert rows[0]["shape"] == list(seen.patches.shape)
    assert np.array_equal(np.array(rows[0]["patches"], np.float16), seen.patches.astype(np.float16).ravel())
    assert (rows[0]["width"], rows[0]["height"], len(rows)) == (80, 60, 6)


def test_a_query_gives_the_masks_of_the_photos_which_need_not_be_there(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "photos", 7)
    embed_here(photos, tmp_path / "embeddings")
    plan = small_plan()
    list(in_this_process(blocks_of(photos, plan, tmp_path / "looked"), plan, str(tmp_path / "looked")))
    for path in photos.iterdir():
        path.unlink()
    assert sum(each.photos for each in ask(tmp_path / "embeddings", tmp_path / "asked")) == 7
    looked, asked = rows_of(tmp_path / "looked"), rows_of(tmp_path / "asked")
    assert [row["photo"] for row in asked] == [row["photo"] for row in looked]
    for ours, theirs in zip(asked[:-1], looked[:-1], strict=True):
        areas, other = (dict(zip(row["labels"], row["areas"], strict=True)) for row in (ours, theirs))
        differing = sum(abs(areas.get(name, 0) - other.get(name, 0)) for name in areas.keys() | other.keys())
        assert differing <= 0.01  # of the pixels: 16 bits for 32
    assert asked[-1]["error"] == looked[-1]["error"]


def test_a_second_query_does_nothing(folder: Path, tmp_path: Path) -> None:
    assert sum(each.broken for each in ask(folder / "embeddings", tmp_path / "asked")) == 1
    assert ask(folder / "embeddings", tmp_path / "asked") == []


def test_what_are_no_embeddings_is_refused(folder: Path) -> None:
    for told in (None, {}, small_plan().to_dict()):
        with pytest.raises(DataError, match="no embeddings are there; name a folder that freeseg embed wrote"):
            query_plan(told, "cat")
    damaged = json.loads((folder / "embeddings" / "plan.json").read_text()) | {"short_side": "x"}
    with pytest.raises(DataError, match="is damaged; embed the photos again"):
        query_plan(damaged, "cat")


def test_a_damaged_part_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes((folder / "embeddings" / "plan.json").read_bytes())
    (tmp_path / "0.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"cannot read .*0\.parquet: .*; remove it, and run again what wrote it"):
        ask(tmp_path, tmp_path / "asked")
