"""What FreeSeg wrote itself is not taken for photos when folders are searched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from freeseg.errors import PhotoError
from freeseg.photos import Skipped, find_photos, photos_in
from freeseg.pipeline import FreeSeg


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found_and_skipped(folder: Path) -> tuple[list[str], int]:
    skipped = Skipped()
    return [str(photo.name) for photo in photos_in(folder, skipped=skipped)], skipped.results


def test_results_of_segment(tmp_path: Path, tiny: FreeSeg) -> None:
    make(tmp_path, "cat.jpg", "sub/dog.jpg")
    result = tiny.segment(np.zeros((40, 60, 3), np.uint8), "cat")
    for stem in ("cat", "out/cat", "out/sub/a.b", "out/sub/a.b.jpg", "out/photo"):
        result.save(tmp_path, stem)
    assert found_and_skipped(tmp_path) == (["cat.jpg", "sub/dog.jpg"], 10)


@pytest.mark.parametrize("format", ["overlay", "mask"])
def test_results_without_a_summary_are_known_by_their_mark(tmp_path: Path, tiny: FreeSeg, format: str) -> None:
    make(tmp_path, "cat.jpg", "dog.mask.png")
    tiny.segment(np.zeros((40, 60, 3), np.uint8), "cat").save(tmp_path, "cat", formats=[format])
    assert found_and_skipped(tmp_path) == (["cat.jpg", "dog.mask.png"], 1)


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["a.jpg", "a.heatmap.jpg", "b.heatmaps.jpg"], ["a.jpg"]),
        (["a.overlay.jpg", "a.mask.png"], []),  # without their summary, but together
        (["a.mask.png", "a.jpg"], ["a.jpg", "a.mask.png"]),  # of another tool, perhaps
        (["a.mask.png", "b.mask.png", "b.overlay.jpg"], ["a.mask.png"]),
        (["overlay.jpg", "mask.png", "heatmap.jpg", "my.overlayer.jpg"], None),
    ],
)
def test_names(tmp_path: Path, names: list[str], taken: list[str] | None) -> None:
    make(tmp_path, *names)
    expected = sorted(names) if taken is None else taken
    assert found_and_skipped(tmp_path) == (expected, len(names) - len(expected))


def test_a_summary_of_another_tool_is_none(tmp_path: Path) -> None:
    make(tmp_path, "a.mask.png")
    (tmp_path / "a.json").write_text(json.dumps({"version": "5", "shapes": [], "imageHeight": 4, "imageWidth": 9}))
    assert found_and_skipped(tmp_path) == (["a.mask.png"], 0)


@pytest.mark.parametrize(
    ("name", "content", "is_own"),
    [
        ("labels.json", {"format": "freeseg-masks-1", "labels": ["background", "cat"]}, True),
        ("config.json", {"format": "freeseg-1", "image_tower": "segmentation-lite"}, True),
        ("labels.json", {"labels": ["cat"]}, False),
        ("config.json", {"format": "mine"}, False),
    ],
)
def test_folders(tmp_path: Path, name: str, content: dict[str, object], is_own: bool) -> None:
    make(
        tmp_path, "photos/a.jpg", "masks/contact-sheet.png", "masks/masks/photos/a.png", "masks/confidence/photos/a.png"
    )
    (tmp_path / "masks" / name).write_text(json.dumps(content))
    found, skipped = found_and_skipped(tmp_path)
    assert (len(found), skipped) == ((1, 3) if is_own else (4, 0))


def test_what_a_user_names_himself_is_taken(tmp_path: Path) -> None:
    make(tmp_path, "a.overlay.jpg", "a.mask.png")
    assert len(find_photos([tmp_path / "a.overlay.jpg", tmp_path / "a.mask.png"])) == 2
    with pytest.raises(PhotoError, match="2 pictures were skipped: FreeSeg's own results; a file that you name itself"):
        find_photos([tmp_path])
