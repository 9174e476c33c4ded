"""One photo: what is written of it is what the model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.data import PhotoSource
from freeseg.data.free_masks import write_settings
from freeseg.engines.views import ViewsEngine
from freeseg.errors import OutputError, PhotoError
from freeseg.labelling.photo import LabellingOptions, label_photo
from freeseg.labelling.tasks import LabellingTask, labelling_tasks
from freeseg.mask_values import labels_by_value
from freeseg.pipeline import FreeSeg
from freeseg.results.drawing import palette
from freeseg.words import Vocabulary
from labelled import LABELS


def test_mask_confidence_and_entry_are_the_models(
    sources: Sequence[PhotoSource], options: LabellingOptions, on_tiny: FreeSeg, folders: list[Path]
) -> None:
    for task in labelling_tasks(sources, options.vocabulary):
        entry = label_photo(task, options, on_tiny)
        path = folders[0] / "images" / task.file if task.source == "captioned" else folders[1] / task.file
        expected = on_tiny.segment_known(path, LABELS, task.known)
        with Image.open(options.folder / entry.mask) as image:
            assert image.mode == "P"
            assert image.getpalette() == palette(256).ravel().tolist()
            assert np.array_equal(np.asarray(image), expected.mask)
        with Image.open(options.folder / entry.confidence) as image:
            assert image.mode == "L"
            assert np.array_equal(np.asarray(image), np.rint(expected.confidence * 255))
        assert (entry.width, entry.height) == expected.photo.size
        assert entry.labels == expected.candidates == (task.known or ("cat", "dog", "sofa"))
        assert entry.areas == expected.areas()
        assert (entry.source, entry.file, entry.known, entry.sha256) == (task.source, task.file, task.rule, task.sha256)
        assert (entry.ignored, entry.model) == (0.0, "tiny")


def test_unsure_pixels_are_ignored(sources: Sequence[PhotoSource], options: LabellingOptions, on_tiny: FreeSeg) -> None:
    every = list(labelling_tasks(sources, options.vocabulary))
    first = label_photo(every[0], options, on_tiny)
    middle = float(np.median(np.asarray(Image.open(options.folder / first.confidence)))) / 255
    options = replace(options, ignore_below=middle)
    model = options.load()
    entries = [label_photo(task, options, model) for task in every]
    assert 0 < entries[0].ignored < 1
    for entry in entries:
        mask = np.asarray(Image.open(options.folder / entry.mask))
        confidence = np.asarray(Image.open(options.folder / entry.confidence)) / 255
        assert entry.ignored == pytest.approx((mask == 255).mean(), abs=1e-6)
        assert sum(entry.areas.values()) + entry.ignored == pytest.approx(1, abs=1e-5)
        assert (confidence[mask == 255] <= middle + 1 / 255).all()


def test_more_than_255_labels(sources: Sequence[PhotoSource], options: LabellingOptions, on_tiny: FreeSeg) -> None:
    options = replace(options, vocabulary=Vocabulary.of([f"thing {number}" for number in range(300)]))
    task = next(labelling_tasks(sources, options.vocabulary))
    entry = label_photo(replace(task, known=("thing 290", "thing 3")), options, on_tiny)
    mask = np.asarray(Image.open(options.folder / entry.mask))
    names = labels_by_value(options.vocabulary.names)
    assert {names[value] for value in np.unique(mask)} == set(entry.areas) <= {"background", "thing 3", "thing 290"}
    assert entry.labels == ("thing 3", "thing 290")


@pytest.mark.parametrize("image", [b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_photo_is_named(image: bytes, options: LabellingOptions, on_tiny: FreeSeg) -> None:
    task = LabellingTask(0, "photos", "sub/a.jpg", image, "photos/sub/a", ())
    with pytest.raises(PhotoError, match=r"^cannot read photos/sub/a\.jpg: (not a picture in a known format|empty)"):
        label_photo(task, options, on_tiny)
    assert not options.folder.exists()


def test_a_cut_photo_is_named(folders: list[Path], options: LabellingOptions, on_tiny: FreeSeg) -> None:
    image = (folders[1] / "d.png").read_bytes()[:-200]
    with pytest.raises(PhotoError, match=r"^cannot read photos/a\.png: damaged"):
        label_photo(LabellingTask(0, "photos", "a.png", image, "photos/a", ()), options, on_tiny)


def test_the_settings_are_the_models_with_the_plans_rule(options: LabellingOptions, on_tiny: FreeSeg) -> None:
    changed = replace(options, ignore_below=0.25)
    settings = changed.settings(changed.load())
    assert (settings.model, settings.weights, settings.vocabulary) == ("tiny", "ab12", options.vocabulary)
    assert settings.decision == replace(on_tiny.config.decision, ignore_below=0.25).to_json()
    assert options.settings(options.load()).decision == on_tiny.config.decision.to_json()


def test_masks_that_presence_weighed_on_are_told_from_those_of_0_1_0(
    options: LabellingOptions, on_tiny: FreeSeg
) -> None:
    """Which do not tell a weight: they go on with a model of that time, and with no other."""
    settings = options.settings(options.load())
    older, newer = (
        replace(settings, decision=replace(on_tiny.config.decision, presence_weight=weight).to_json())
        for weight in (0, 1)
    )
    assert "presence_weight" not in older.decision
    for first, second in ((older, newer), (newer, older)):
        folder = options.folder / ("older" if first is older else "newer")
        write_settings(folder, first)
        write_settings(folder, first)
        with pytest.raises(OutputError, match=r"holds masks of another decision\.presence_weight"):
            write_settings(folder, second)


def test_masks_of_several_views_are_told_apart(options: LabellingOptions) -> None:
    options = replace(options, model="freeseg-lite", views=(64, 32, 64))
    model = options.load()
    assert isinstance(model.engine, ViewsEngine)
    assert options.settings(model).to_dict()["views"] == [32, 64]
    write_settings(options.folder, options.settings(model))
    write_settings(options.folder, replace(options, views=(32, 64)).settings(model))
    for others in ((), (32,)):
        with pytest.raises(OutputError, match="holds masks of another views"):
            write_settings(options.folder, replace(options, views=others).settings(model))
