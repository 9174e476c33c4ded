"""One photo: what is written of it is what the model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from labelled import LABELS
from PIL import Image

from freeseg.data import PhotoSource
from freeseg.errors import PhotoError
from freeseg.labelling.labeller import Plan, label_photo
from freeseg.labelling.tasks import LabellingTask, labelling_tasks
from freeseg.mask_values import labels_by_value
from freeseg.pipeline import FreeSeg
from freeseg.results.drawing import palette
from freeseg.words import Vocabulary


def test_mask_confidence_and_entry_are_the_models(
    sources: Sequence[PhotoSource], plan: Plan, on_tiny: FreeSeg, folders: list[Path]
) -> None:
    for job in labelling_tasks(sources, plan.vocabulary):
        entry = label_photo(job, plan, on_tiny)
        path = folders[0] / "images" / job.file if job.source == "captioned" else folders[1] / job.file
        expected = on_tiny.segment_known(path, LABELS, job.known)
        with Image.open(plan.folder / entry.mask) as image:
            assert image.mode == "P"
            assert image.getpalette() == palette(256).ravel().tolist()
            assert np.array_equal(np.asarray(image), expected.mask)
        with Image.open(plan.folder / entry.confidence) as image:
            assert image.mode == "L"
            assert np.array_equal(np.asarray(image), np.rint(expected.confidence * 255))
        assert (entry.width, entry.height) == expected.photo.size
        assert entry.labels == expected.candidates == (job.known or ("cat", "dog", "sofa"))
        assert entry.areas == expected.areas()
        assert (entry.source, entry.file, entry.known, entry.sha256) == (job.source, job.file, job.rule, job.sha256)
        assert (entry.ignored, entry.model) == (0.0, "tiny")


def test_unsure_pixels_are_ignored(sources: Sequence[PhotoSource], plan: Plan, on_tiny: FreeSeg) -> None:
    every = list(labelling_tasks(sources, plan.vocabulary))
    first = label_photo(every[0], plan, on_tiny)
    middle = float(np.median(np.asarray(Image.open(plan.folder / first.confidence)))) / 255
    plan = replace(plan, ignore_below=middle)
    model = plan.load()
    entries = [label_photo(job, plan, model) for job in every]
    assert 0 < entries[0].ignored < 1
    for entry in entries:
        mask = np.asarray(Image.open(plan.folder / entry.mask))
        confidence = np.asarray(Image.open(plan.folder / entry.confidence)) / 255
        assert entry.ignored == pytest.approx((mask == 255).mean(), abs=1e-6)
        assert sum(entry.areas.values()) + entry.ignored == pytest.approx(1, abs=1e-5)
        assert (confidence[mask == 255] <= middle + 1 / 255).all()


def test_more_than_255_labels(sources: Sequence[PhotoSource], plan: Plan, on_tiny: FreeSeg) -> None:
    plan = replace(plan, vocabulary=Vocabulary.of([f"thing {number}" for number in range(300)]))
    job = next(labelling_tasks(sources, plan.vocabulary))
    entry = label_photo(replace(job, known=("thing 290", "thing 3")), plan, on_tiny)
    mask = np.asarray(Image.open(plan.folder / entry.mask))
    names = labels_by_value(plan.vocabulary.names)
    assert {names[value] for value in np.unique(mask)} == set(entry.areas) <= {"background", "thing 3", "thing 290"}
    assert entry.labels == ("thing 3", "thing 290")


@pytest.mark.parametrize("image", [b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_photo_is_named(image: bytes, plan: Plan, on_tiny: FreeSeg) -> None:
    job = LabellingTask(0, "photos", "sub/a.jpg", image, "photos/sub/a", ())
    with pytest.raises(PhotoError, match=r"^cannot read photos/sub/a\.jpg: not a picture in a known format"):
        label_photo(job, plan, on_tiny)
    assert not plan.folder.exists()


def test_a_cut_photo_is_named(folders: list[Path], plan: Plan, on_tiny: FreeSeg) -> None:
    image = (folders[1] / "d.png").read_bytes()[:-200]
    with pytest.raises(PhotoError, match=r"^cannot read photos/a\.png: damaged"):
        label_photo(LabellingTask(0, "photos", "a.png", image, "photos/a", ()), plan, on_tiny)


def test_the_settings_are_the_models_with_the_plans_rule(plan: Plan, on_tiny: FreeSeg) -> None:
    changed = replace(plan, ignore_below=0.25)
    settings = changed.settings(changed.load())
    assert (settings.model, settings.weights, settings.vocabulary) == ("tiny", "ab12", plan.vocabulary)
    assert settings.decision == asdict(replace(on_tiny.config.decision, ignore_below=0.25))
    assert plan.settings(plan.load()).decision == asdict(on_tiny.config.decision)
