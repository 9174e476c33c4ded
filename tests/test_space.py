"""The Gradio app of examples/space, without Gradio, which the project does not install."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from freeseg.errors import LabelError
from freeseg.pipeline import FreeSeg

APP = Path(__file__).parents[1] / "examples" / "space" / "app.py"


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    return runpy.run_path(str(APP))


def test_what_the_app_shows(app: dict[str, Any], embedded: FreeSeg, cat_photo: Image.Image) -> None:
    (photo, [(where, name)]), [row] = app["Looker"](embedded).segment(cat_photo, "cat|kitten, rocket", True)
    result = embedded.segment(cat_photo, "cat|kitten, rocket")
    assert photo.size == cat_photo.size
    assert (name, row[0]) == ("cat", "cat")
    assert (where == result.label_mask("cat")).all()
    assert row[1:] == [f"{result.areas()['cat']:.1%}", f"{result.mean_confidence('cat'):.2f}"]


def test_it_looks_once(app: dict[str, Any], tiny: FreeSeg, cat_photo: Image.Image) -> None:
    looker = app["Looker"](tiny)
    assert looker.look(cat_photo) is looker.look(cat_photo.copy())
    for shade in range(2 * app["KEPT"]):
        looker.look(Image.new("RGB", (9, 9), (shade, 0, 0)))
    assert len(looker._seen) == app["KEPT"]


def test_nothing_is_shown_of_nothing(app: dict[str, Any], tiny: FreeSeg, cat_photo: Image.Image) -> None:
    looker = app["Looker"](tiny)
    assert looker.segment(None, "cat", True) == (None, [])
    assert looker.segment(cat_photo, "  ", True) == (None, [])
    with pytest.raises(LabelError):
        looker.segment(cat_photo, "cat, cat", True)
