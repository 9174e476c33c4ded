"""A photo that is known to show some of the labels: these compete for its pixels, and no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from freeseg.decision.rule import Decision
from freeseg.errors import LabelError
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary
from tiny import iclip_of

LABELS = ["cat", "sofa|couch", "floor", "dog"]
NOISE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)


class TestSegmentKnown:
    def test_it_is_the_mask_of_these_labels_alone_in_the_numbers_of_all(self, tiny: FreeSeg) -> None:
        everyone = replace(tiny.config.decision, presence_ratio=0.0, presence_floor=0.0, presence_weight=0.0)
        open_to_all = tiny.with_config(replace(tiny.config, decision=everyone))
        few = Vocabulary.of(["sofa|couch", "dog"], ["sky", "wall"])
        alone = open_to_all.segment(NOISE, few)
        known = tiny.segment_known(NOISE, Vocabulary.of(LABELS, ["sky", "wall"]), ["dog", "sofa"])
        assert known.labels == ("background", "cat", "sofa", "floor", "dog")
        assert known.candidates == ("sofa", "dog")
        assert set(known.presence) == {"sofa", "dog"}
        assert len(alone.present) > 1
        assert np.array_equal(np.array(known.labels)[known.mask], np.array(alone.labels)[alone.mask])
        np.testing.assert_allclose(known.confidence, alone.confidence, atol=1e-6)

    def test_absent_or_not_a_known_label_competes(self, tiny: FreeSeg) -> None:
        """Presence is not asked, even where it would leave out all."""
        strict = tiny.with_config(replace(tiny.config, decision=replace(tiny.config.decision, presence_floor=1.1)))
        assert strict.segment(NOISE, LABELS).candidates == ()
        assert strict.segment_known(NOISE, LABELS, ["floor"]).candidates == ("floor",)

    @pytest.mark.parametrize("background", [True, False])
    def test_without_known_labels_presence_finds_them(self, tiny: FreeSeg, background: bool) -> None:
        rule = Decision(presence_floor=0.0, presence_ratio=0.9, presence_weight=0.0)
        likely = tiny.with_config(replace(tiny.config, decision=rule))
        found = likely.segment(NOISE, LABELS, background=background).candidates
        assert 0 < len(found) < 4
        given, asked = (likely.segment_known(NOISE, LABELS, labels, background=background) for labels in (found, []))
        assert asked.candidates == given.candidates == found
        assert asked.presence == pytest.approx(given.presence, abs=1e-5)
        np.testing.assert_allclose(asked.confidence, given.confidence, atol=1e-5)
        assert (asked.mask == given.mask).mean() > 0.999  # a product with more columns rounds differently

    @pytest.mark.parametrize("background", [True, False])
    def test_presence_weighs_on_what_it_finds_and_not_on_what_is_known(self, tiny: FreeSeg, background: bool) -> None:
        rule = Decision(presence_floor=0.0, presence_ratio=0.0, presence_weight=3.0)
        model = tiny.with_config(replace(tiny.config, decision=rule))
        photo = model.segment(NOISE, LABELS, background=background)
        found, known = (
            model.segment_known(NOISE, LABELS, labels, background=background) for labels in ([], photo.candidates)
        )
        assert found.candidates == known.candidates == photo.candidates
        np.testing.assert_array_equal(found.mask, photo.mask)
        np.testing.assert_allclose(found.confidence, photo.confidence, atol=1e-5)
        assert np.abs(found.confidence - known.confidence).max() > 0.01

    def test_nothing_that_presence_finds_is_background(self, tiny: FreeSeg) -> None:
        strict = tiny.with_config(replace(tiny.config, decision=replace(tiny.config.decision, presence_floor=1.1)))
        known = strict.segment_known(NOISE, LABELS, [])
        assert (known.candidates, known.present) == ((), ["background"])
        assert set(known.presence) == {"cat", "sofa", "floor", "dog"}

    def test_the_model_looks_once(self, tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = []
        answer = iclip_of(tiny).similarity_maps
        monkeypatch.setattr(iclip_of(tiny), "similarity_maps", lambda *given: looks.append(1) or answer(*given))
        tiny.segment_known(NOISE, LABELS, [])
        assert len(looks) == 1

    def test_a_word_for_a_label_that_is_not_there_is_background(
        self, embedded: FreeSeg, cat_photo: Image.Image
    ) -> None:
        """ "Wall" was asked for and is not found: then its pixels are background, as without it."""
        model = embedded.with_config(replace(embedded.config, decision=Decision(presence_ratio=0.9)))
        words = ["wall", "grass"]
        given = model.segment_known(cat_photo, Vocabulary.of("cat, wall", words), [])
        assert given.candidates == ("cat",)
        alone = model.segment_known(cat_photo, Vocabulary.of("cat", words), [])
        assert (given.mask == alone.mask).mean() > 0.999

    def test_without_a_background(self, tiny: FreeSeg) -> None:
        known = tiny.segment_known(NOISE, LABELS, ["dog"], background=False)
        assert known.labels == ("cat", "sofa", "floor", "dog")
        assert np.unique(known.mask).tolist() == [3]

    @pytest.mark.parametrize("background", [True, False])
    def test_more_than_255_labels_and_unsure_pixels(self, tiny: FreeSeg, background: bool) -> None:
        wanted = ["thing 3", "thing 254", "thing 290"]
        labels = Vocabulary.of([f"thing {number}" for number in range(300)], [])  # no word takes pixels from them
        middle = float(np.median(tiny.segment_known(NOISE, labels, wanted, background=background).confidence))
        decision = replace(tiny.config.decision, ignore_below=middle)
        model = tiny.with_config(replace(tiny.config, decision=decision))
        known = model.segment_known(NOISE, labels, reversed(wanted), background=background)
        assert known.mask.dtype == np.uint16
        assert np.array_equal(known.mask == 255, known.confidence < np.float32(middle))
        assert 0.1 < (known.mask == 255).mean() < 0.9
        alone = model.segment_known(NOISE, Vocabulary.of(wanted, []), wanted, background=background)
        by_value = dict(enumerate(alone.labels)) | {255: "don't know"}
        assert {known.labels[value] for value in np.unique(known.mask)} == {
            by_value[value] for value in np.unique(alone.mask)
        }
        for value, name in by_value.items():
            assert np.array_equal(known.mask == known.labels.index(name), alone.mask == value)

    def test_a_label_that_is_none_is_refused(self, tiny: FreeSeg) -> None:
        with pytest.raises(LabelError, match="no label is called 'couch'"):
            tiny.segment_known(NOISE, LABELS, ["cat", "couch"])

    def test_a_caption_finds_what_presence_misses(self, embedded: FreeSeg, cat_photo: Image.Image) -> None:
        labels = "cat, whiskers, grass, dog, sofa, wall"
        known = embedded.segment_known(cat_photo, labels, ["cat"])
        assert known.present == ["cat", "background"] or known.present == ["background", "cat"]
        assert (known.mask[100:200, 100:300] == 1).mean() > 0.9  # the face
