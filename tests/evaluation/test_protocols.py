"""Protocols: published sizes, what they change of a model, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drawn import draw_voc
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.decision.rule import Decision
from freeseg.errors import FreeSegError
from freeseg.evaluation.names import PROTOCOLS, SETTINGS
from freeseg.evaluation.protocols import Protocol, _tables, protocol
from freeseg.models import Config, Preprocessing, TowerPair
from freeseg.words import TEMPLATES, default_background, vocabulary

OWN = Config(
    "m",
    TowerPair("tower", "tower"),
    preprocessing=Preprocessing(200, 3.0),
    decision=Decision(5, 17.0, 0.1, 0.4, 0.3, 0.02, 4, 0.2),
)


@pytest.fixture
def voc(tmp_path: Path) -> SegmentationData:
    """VOC21 with drawn photos."""
    return open_dataset("voc21", draw_voc(tmp_path))


class TestPublished:
    """Numbers as their authors' configs have them; 2048 is the longest side that they allow."""

    @pytest.mark.parametrize(
        ("dataset", "short", "scale", "threshold"),
        [
            ("voc20", 336, 40, 0),
            ("voc21", 336, 65, 0.1),
            ("context59", 336, 40, 0),
            ("context60", 336, 50, 0.1),
            ("coco-object", 336, 50, 0.1),
            ("coco-stuff164k", 448, 40, 0),
            ("ade20k", 336, 40, 0),
            ("cityscapes", 560, 40, 0),
        ],
    )
    def test_sclip(self, dataset: str, short: int, scale: float, threshold: float) -> None:
        rules = protocol("sclip", dataset)
        assert (rules.short_side, rules.logit_scale, rules.threshold) == (short, scale, threshold)
        assert (rules.window, rules.stride, rules.background, rules.templates) == (224, 112, "words", "imagenet")
        assert rules.long_cap * short == pytest.approx(2048, abs=0.5)
        assert not rules.presence

    @pytest.mark.parametrize("dataset", ["voc21", "cityscapes", "folder"])
    def test_tcl(self, dataset: str) -> None:
        rules = protocol("tcl", dataset)
        assert (rules.short_side, rules.window, rules.stride) == (448, 448, 224)
        assert (rules.background, rules.threshold) == ("threshold", 0.4)
        assert rules.long_cap * 448 == pytest.approx(2048, abs=0.5)

    @pytest.mark.parametrize(
        ("dataset", "window", "threshold"),
        [
            ("voc20", 448, 0),
            ("voc21", 448, 0.5),
            ("context59", 448, 0),
            ("context60", 448, 0.15),
            ("coco-object", 448, 0.4),
            ("cityscapes", 224, 0),
        ],
    )
    def test_clearclip(self, dataset: str, window: int, threshold: float) -> None:
        rules = protocol("clearclip", dataset)
        assert (rules.short_side, rules.window, rules.stride) == (448, window, 224)
        assert (rules.logit_scale, rules.threshold) == (50, threshold)

    @pytest.mark.parametrize("name", PROTOCOLS)
    @pytest.mark.parametrize("dataset", ["voc20", "voc21", "cityscapes", "folder"])
    def test_every_one_is_complete(self, name: str, dataset: str) -> None:
        rules = protocol(name, dataset)
        assert rules.name == name
        assert rules.background in ("words", "threshold", "none")
        assert (rules.short_side is None) == (rules.long_cap == 0)
        assert 0 < rules.stride <= rules.window or rules.stride == rules.window == 0

    @pytest.mark.parametrize(
        ("name", "upsampled"), [("freeseg", False), ("sclip", True), ("clearclip", True), ("tcl", False)]
    )
    def test_which_bring_logits_to_the_photos_size_first(self, name: str, upsampled: bool) -> None:
        rules = protocol(name, "voc21")
        assert rules.upsample_first is upsampled
        assert ("upsample_first" in rules.described()) is upsampled  # reports of 0.1.0 do not have it
        assert rules.described()["name"] == name

    def test_every_table_has_a_name(self) -> None:
        assert tuple(_tables()) == PROTOCOLS

    def test_one_that_there_is_not(self) -> None:
        with pytest.raises(FreeSegError, match="there are: freeseg, sclip, tcl"):
            protocol("coco", "voc21")


class TestConfig:
    def test_the_default_is_the_model_itself(self) -> None:
        assert protocol("freeseg", "voc21").config(OWN, "freeseg") == OWN

    @pytest.mark.parametrize(
        ("setting", "refine", "steps"),
        [
            ("freeseg", False, 4),
            ("freeseg", True, 4),
            ("plain", False, 0),
            ("aliases", False, 0),
            ("refined", False, 10),
            ("plain", True, 10),
        ],
    )
    def test_a_setting_changes_refinement_alone(self, setting: str, refine: bool, steps: int) -> None:
        expected = replace(OWN, decision=replace(OWN.decision, refine_steps=steps))
        assert Protocol("p", refine=refine).config(OWN, setting) == expected

    def test_sizes(self) -> None:
        config = protocol("sclip", "ade20k").config(OWN, "plain")
        assert (config.preprocessing.short_side, config.preprocessing.long_cap) == (336, 6.095)
        assert protocol("freeseg", "ade20k").config(OWN, "plain").preprocessing == OWN.preprocessing

    def test_without_presence_only_the_softmax_decides(self) -> None:
        decision = Protocol("p", logit_scale=3.0, presence=False).config(OWN, "plain").decision
        assert decision == Decision(5, 3.0, 0.1, 0.0, 0.0, 0.0, 0, 0.0, 0.0)  # maps are smoothed as the model does

    def test_own_logit_scale(self) -> None:
        assert protocol("tcl", "voc21").config(OWN, "plain").decision.logit_scale == 17.0


class TestVocabulary:
    @pytest.mark.parametrize(
        ("setting", "words"),
        [("freeseg", "freeseg"), ("plain", "plain"), ("aliases", "aliases"), ("refined", "aliases")],
    )
    def test_the_words_of_a_setting(self, voc: SegmentationData, setting: str, words: str) -> None:
        assert protocol("freeseg", "voc21").vocabulary(voc, setting) == voc.vocabulary(words)

    def test_our_own(self, voc: SegmentationData) -> None:
        assert protocol("freeseg", "voc21").vocabulary(voc, "freeseg") == vocabulary("voc21")

    @pytest.mark.parametrize("setting", SETTINGS)
    def test_a_label_for_each_class_in_order(self, voc: SegmentationData, setting: str) -> None:
        """The masks' indices are VOC's, whatever the words are."""
        labels = protocol("sclip", "voc21").vocabulary(voc, setting).labels
        assert len(labels) == 20
        assert [labels[index].name[:3] for index in (0, 7, 11, 14, 18)] == ["aer", "cat", "dog", "per", "tra"]

    def test_templates(self, voc: SegmentationData) -> None:
        assert len(protocol("sclip", "voc21").vocabulary(voc, "plain").templates) == 80
        assert protocol("tcl", "voc21").vocabulary(voc, "plain").templates == TEMPLATES

    @pytest.mark.parametrize(("background", "compete"), [("words", True), ("threshold", False), ("none", False)])
    def test_background_words(self, voc: SegmentationData, background: str, compete: bool) -> None:
        words = Protocol("p", background=background).vocabulary(voc, "freeseg").background_words
        assert words == (default_background() if compete else ())

    def test_no_background_no_background_words(self, tmp_path: Path) -> None:
        data = open_dataset("voc20", draw_voc(tmp_path / "again"))
        assert protocol("freeseg", "voc20").vocabulary(data, "freeseg").background_words == ()

    def test_a_setting_that_there_is_not(self, voc: SegmentationData) -> None:
        with pytest.raises(FreeSegError, match="there are: freeseg, plain, aliases, refined"):
            protocol("freeseg", "voc21").vocabulary(voc, "best")
