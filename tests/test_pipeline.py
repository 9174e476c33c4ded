"""Photo + words -> mask: shapes and indices on a tiny model, sense on the embedded one."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import freeseg
from freeseg.decision.masks import FreeMask
from freeseg.errors import FreeSegError, LabelError, OutputError, PhotoError, WeightsError
from freeseg.loading import on_torch
from freeseg.mask_values import IGNORE, UNSURE
from freeseg.models import Config, Preprocessing, TowerPair
from freeseg.pipeline import FreeSeg
from freeseg.results.segmentation import Segmentation
from freeseg.words import Vocabulary
from tiny import same, tell_patches_apart, tiny_iclip

LABELS = ["cat", "sofa|couch", "floor"]
NOISE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)


def everything_competes(model: FreeSeg, **changes: float) -> FreeSeg:
    """The same model, where no label is left out as absent."""
    open_to_all = {"presence_ratio": 0.0, "presence_floor": 0.0, **changes}
    model.config = replace(model.config, decision=replace(model.config.decision, **open_to_all))
    return model


def names(result: Segmentation) -> np.ndarray:
    """The name of every pixel's label."""
    return np.array(result.labels)[result.mask]


class TestSegment:
    @pytest.mark.parametrize("kind", ["path", "str", "pil", "array"])
    def test_every_kind_of_photo_gives_the_same(self, tiny: FreeSeg, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "noise.png"
        Image.fromarray(NOISE).save(path)
        photo = {"path": path, "str": str(path), "pil": Image.fromarray(NOISE), "array": NOISE}[kind]
        result = tiny.segment(photo, LABELS)
        assert isinstance(result, Segmentation)
        assert same(result, tiny.segment(NOISE, LABELS))
        assert result.mask.shape == result.confidence.shape == (45, 70)
        assert result.mask.dtype == np.uint8
        assert np.array_equal(np.asarray(result.photo), NOISE)
        assert result.name == ("noise.png" if kind in ("path", "str") else "photo")
        assert result.model == "tiny"

    def test_a_list_gives_what_one_by_one_gives(self, tiny: FreeSeg) -> None:
        photos = [NOISE, Image.fromarray(NOISE[:20, :60]), NOISE[::-1].copy()]
        results = tiny.segment(photos, LABELS)
        assert [result.mask.shape for result in results] == [(45, 70), (20, 60), (45, 70)]
        assert all(same(result, tiny.segment(photo, LABELS)) for result, photo in zip(results, photos, strict=True))
        assert tiny.segment([], LABELS) == []
        assert len(tiny.segment([NOISE], LABELS)) == 1

    def test_background_comes_first_when_on_and_is_absent_when_off(self, tiny: FreeSeg) -> None:
        on, off = (tiny.segment(NOISE, LABELS, background=background) for background in (True, False))
        assert on.labels == ("background", "cat", "sofa", "floor")
        assert off.labels == ("cat", "sofa", "floor")
        assert set(on.presence) == set(off.presence) == {"cat", "sofa", "floor"}

    @pytest.mark.parametrize("labels", ["cat, sofa|couch, floor", tuple(LABELS), Vocabulary.of(LABELS), iter(LABELS)])
    def test_labels_in_every_form(self, tiny: FreeSeg, labels: object) -> None:
        assert same(tiny.segment(NOISE, labels), tiny.segment(NOISE, LABELS))  # type: ignore[call-overload]

    def test_value_i_means_label_i(self, tiny: FreeSeg) -> None:
        """Independent of the decision: the mask is the winner of the maps, by name."""
        model = everything_competes(tiny, refine_steps=0, presence_weight=0.0)
        result = model.segment(NOISE, LABELS, background=False)
        prepared = model.prepare(NOISE)
        maps = model.maps(prepared, model.embed_vocabulary(Vocabulary.of(LABELS))).labels
        scores = torch.softmax(model.config.decision.logit_scale * torch.from_numpy(maps), dim=0)
        scores = F.interpolate(scores[None], (45, 70), mode="bilinear", align_corners=False)[0]
        agreement = scores.argmax(dim=0).numpy() == result.mask
        assert len(result.present) > 1
        assert agreement.mean() > 0.999
        np.testing.assert_allclose(result.confidence, scores.amax(dim=0), atol=1e-5)

    def test_the_order_of_labels_changes_only_the_numbers(self, tiny: FreeSeg) -> None:
        labels = ["cat", "dog", "tree", "car"]
        model = everything_competes(tiny)
        first, second = (model.segment(NOISE, order, background=False) for order in (labels, labels[::-1]))
        assert len(first.present) > 1
        assert (names(first) == names(second)).mean() > 0.999

    def test_two_calls_are_equal(self, tiny: FreeSeg) -> None:
        assert same(tiny.segment(NOISE, LABELS), tiny.segment(NOISE, LABELS))
        other = on_torch(
            tell_patches_apart(tiny_iclip()),
            Config("tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(192)),
        )
        assert same(tiny.segment(NOISE, LABELS), other.segment(NOISE, LABELS))

    @pytest.mark.parametrize(
        "labels", ["", [], ["cat", ""], "cat,,dog", ["cat", "Cat"], ["a|b", "b"], [3], ["background"]]
    )
    def test_labels_that_cannot_be_used(self, tiny: FreeSeg, labels: object) -> None:
        with pytest.raises(LabelError) as caught:
            tiny.segment(NOISE, labels)  # type: ignore[call-overload]
        assert len(str(caught.value).splitlines()) == 1

    def test_a_label_that_no_text_can_hold(self, tiny: FreeSeg) -> None:
        with pytest.raises(LabelError, match="no text"):
            tiny.segment(NOISE, ["cat\udce9"])

    def test_a_photo_that_cannot_be_read(self, tiny: FreeSeg, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match=r"nowhere\.jpg"):
            tiny.segment([NOISE, tmp_path / "nowhere.jpg"], LABELS)

    def test_without_background_words_no_pixel_is_background(self, tiny: FreeSeg) -> None:
        """Index 0 is still the background's, so no label may slip into its place."""
        vocabulary = Vocabulary.of(LABELS, background_words=[])
        model = everything_competes(tiny)
        on, off = (model.segment(NOISE, vocabulary, background=background) for background in (True, False))
        assert on.labels[0] == "background"
        assert np.array_equal(names(on), names(off))


class TestIgnore:
    def decided(self, model: FreeSeg, monkeypatch: pytest.MonkeyPatch, indices: list[int], count: int) -> Segmentation:
        """The result for a decision that is given, one pixel each."""
        labels = np.array([indices], np.int32)
        half = np.full(labels.shape, 0.5, np.float32)
        mask = FreeMask(labels, half, np.full(count, 0.5, np.float32), np.arange(count))
        monkeypatch.setattr(model, "decide", lambda *_, **__: mask)
        photo = np.zeros((*labels.shape, 3), np.uint8)
        return model.segment(photo, [f"thing {i}" for i in range(count)], background=False)

    def test_few_labels(self, tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.decided(tiny, monkeypatch, [0, UNSURE, 254], 255)
        assert result.mask.dtype == np.uint8
        assert result.mask.tolist() == [[0, 255, 254]]

    def test_many_labels_make_room_for_255(self, tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.decided(tiny, monkeypatch, [0, 254, UNSURE, 255, 256, 299], 300)
        assert result.mask.dtype == np.uint16
        assert names(result).tolist() == [["thing 0", "thing 254", "don't know", "thing 255", "thing 256", "thing 299"]]
        assert result.mask[0, 2] == IGNORE

    def test_300_labels(self, tiny: FreeSeg) -> None:
        labels = [f"thing {i}" for i in range(300)]
        model = everything_competes(tiny)
        results = [model.segment(NOISE, order) for order in (labels, labels[::-1])]
        for result in results:
            assert result.mask.dtype == np.uint16
            assert result.labels[0] == "background"
            assert result.labels[255] == "don't know"
            assert len(result.labels) == 302
            assert not (result.mask == IGNORE).any()
        assert max(result.mask.max() for result in results) > 255  # or nothing was shown of the room at 255
        assert (names(results[0]) == names(results[1])).mean() > 0.99

    @pytest.mark.parametrize("count", [3, 300])
    def test_what_is_not_sure_enough_is_255(self, tiny: FreeSeg, count: int) -> None:
        labels = [f"thing {i}" for i in range(count)]
        sure = everything_competes(tiny).segment(NOISE, labels)
        middle = float(np.median(sure.confidence))
        result = everything_competes(tiny, ignore_below=middle).segment(NOISE, labels)
        unsure = sure.confidence < middle
        assert 0 < unsure.sum() < unsure.size
        assert np.array_equal(result.mask, np.where(unsure, 255, sure.mask))


class TestPhotos:
    @pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3000, 20), (2, 3)])
    def test_any_shape(self, tiny: FreeSeg, size: tuple[int, int]) -> None:
        width, height = size
        photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))
        for background in (True, False):
            result = tiny.segment(photo, LABELS, background=background)
            assert result.mask.shape == (height, width)
            assert result.present
        assert tiny.similarity(photo, LABELS).shape == (3, height, width)

    @pytest.mark.parametrize("orientation", [3, 6, 8])
    def test_a_turned_photo_gets_the_mask_of_what_a_viewer_shows(
        self, tiny: FreeSeg, tmp_path: Path, orientation: int
    ) -> None:
        turns = {3: 2, 6: 1, 8: -1}[orientation]  # the viewer undoes them: 6 is stored anticlockwise
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / "turned.png"
        Image.fromarray(np.ascontiguousarray(np.rot90(NOISE, turns))).save(path, exif=exif)
        result = tiny.segment(path, LABELS, background=False)
        assert result.mask.shape == (45, 70)
        assert same(result, tiny.segment(NOISE, LABELS, background=False))
        assert not np.array_equal(result.mask, tiny.segment(np.rot90(NOISE, 2), LABELS, background=False).mask)
        assert np.array_equal(np.asarray(result.photo), NOISE)

    def test_kinds_that_show_the_same_get_the_same_mask(self, tiny: FreeSeg, tmp_path: Path) -> None:
        grey = NOISE[:, :, 0]
        as_rgb = tiny.segment(np.repeat(grey[:, :, None], 3, axis=2), LABELS)
        Image.fromarray(grey).save(tmp_path / "grey.png")
        Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
        assert Image.open(tmp_path / "deep.png").mode.startswith("I")
        for photo in (grey, tmp_path / "grey.png", tmp_path / "deep.png", Image.fromarray(grey)):
            assert same(tiny.segment(photo, LABELS), as_rgb)
        assert not same(tiny.segment(NOISE, LABELS), as_rgb)

    def test_what_is_see_through_is_white(self, tiny: FreeSeg, tmp_path: Path) -> None:
        opacity = np.zeros((45, 70), np.uint8)
        opacity[:, 30:] = 255
        Image.fromarray(np.dstack([NOISE, opacity])).save(tmp_path / "cut_out.png")
        white = NOISE.copy()
        white[:, :30] = 255
        assert same(tiny.segment(tmp_path / "cut_out.png", LABELS), tiny.segment(white, LABELS))


class TestEmbedded:
    def test_a_cat_is_a_cat(self, embedded: FreeSeg, cat_photo: Image.Image) -> None:
        result = embedded.segment(cat_photo, ["cat", "dog"])
        areas = result.areas()
        assert areas["cat"] > 0.5
        assert areas["cat"] > 10 * areas.get("dog", 0)
        assert result.presence["cat"] > result.presence["dog"]
        assert result.confidence[result.label_mask("cat")].mean() > 0.5

    def test_the_order_of_the_question_does_not_matter(self, embedded: FreeSeg, cat_photo: Image.Image) -> None:
        result = embedded.segment(cat_photo, ["dog", "cat"], background=False)
        assert result.areas()["cat"] > 10 * result.areas().get("dog", 0)

    def test_absent_labels_do_not_appear_because_they_were_asked_for(
        self, embedded: FreeSeg, cat_photo: Image.Image
    ) -> None:
        for background in (True, False):
            present = embedded.segment(cat_photo, "giraffe, cat, airplane", background=background).present
            assert "cat" in present
            assert not {"giraffe", "airplane"} & set(present)

    def test_two_calls_are_equal(self, embedded: FreeSeg, cat_photo: Image.Image) -> None:
        assert same(embedded.segment(cat_photo, ["cat", "dog"]), embedded.segment(cat_photo, ["cat", "dog"]))

    @pytest.mark.slow
    def test_1000_labels_in_bounded_memory(self) -> None:
        """All of them competing: at photo size and in float32, their maps alone would be 1.2 GB."""
        code = """
import resource
from collections.abc import Callable
from dataclasses import replace
import numpy as np
import freeseg, freeseg.pipeline
from freeseg.words import Vocabulary

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
model = freeseg.load()
model.config = replace(model.config, decision=replace(model.config.decision, presence_ratio=0.0, presence_floor=0.0))
photo = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
labels = Vocabulary.of([f"thing {i}" for i in range(1000)]).labels
result = model.segment(photo, Vocabulary(labels, ("wall",), ("{}",)))  # one template: 4 times fewer texts
print(result.mask.dtype, len(result.labels), peak() - before)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        dtype, labels, megabytes = done.stdout.split()
        assert (dtype, labels) == ("uint16", "1002")
        assert float(megabytes) < 1200


class TestLoad:
    def test_unknown_models_are_answered_with_the_known_ones(self) -> None:
        with pytest.raises(WeightsError, match="freeseg-lite-iclip") as caught:
            freeseg.load("no-such-model")
        assert "'no-such-model'" in str(caught.value)

    @pytest.mark.parametrize("device", ["warp", "", "cpu:x", torch.device("meta", 0)])
    def test_devices_that_are_not_here(self, device: str | torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
        if isinstance(device, torch.device):  # stands for "cuda" on a machine without: torch raises AssertionError

            def absent(*args: object, **options: object) -> None:
                raise AssertionError("Torch not compiled with CUDA enabled\nmore lines")

            monkeypatch.setattr(torch, "empty", absent)
        with pytest.raises(FreeSegError, match="cannot be used here") as caught:
            freeseg.load(device=device)
        assert len(str(caught.value).splitlines()) == 1

    def test_a_photo_may_be_seen_smaller(self) -> None:
        model = freeseg.load(short_side=64)
        photo = Image.fromarray(NOISE).resize((300, 150))
        assert model.prepare(photo).pixels.shape == (64, 128, 3)
        assert model.segment(photo, "cat").mask.shape == (150, 300)
        assert freeseg.load().config.preprocessing.short_side > 64

    @pytest.mark.parametrize(("short", "limit"), [(31, "at least 32"), (10**9, "at most 4096")])
    def test_but_not_as_a_dot_and_not_as_a_wall(self, short: int, limit: str) -> None:
        with pytest.raises(FreeSegError, match=f"short side is {short}; it must be {limit} pixels"):
            freeseg.load(short_side=short)


class TestSaving:
    def test_a_disk_that_fills_at_the_second_file(
        self, tiny: FreeSeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = tiny.segment(NOISE, LABELS)
        write, written = Path.write_bytes, []

        def write_half(self: Path, content: bytes) -> None:
            written.append(self)
            if len(written) == 2:
                write(self, b"\x89PNG half")
                raise OSError(errno.ENOSPC, "No space left on device")
            write(self, content)

        monkeypatch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(OutputError, match=r"photo\.mask\.png: No space left on device"):
            result.save(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["photo.overlay.jpg"]
        with Image.open(tmp_path / "photo.overlay.jpg") as overlay:
            overlay.load()
        monkeypatch.undo()
        result.save(tmp_path)
        assert json.loads((tmp_path / "photo.json").read_text("utf-8")) == result.to_dict()


def test_the_decision_rule_is_the_checkpoints_own(tiny: FreeSeg) -> None:
    prepared = tiny.prepare(NOISE)
    words = tiny.embed_vocabulary(Vocabulary.of(LABELS))
    unsure = everything_competes(tiny, ignore_below=1.0).decide(
        tiny.maps(prepared, words), words, prepared, background=True
    )
    assert (unsure.labels == UNSURE).all()


@pytest.mark.parametrize("several", [list, tuple, iter, lambda photos: (photo for photo in photos)])
def test_several_photos_in_any_container(tiny: FreeSeg, several: Callable[[list[object]], Any]) -> None:
    photo = np.zeros((30, 44, 3), np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(photo).save(encoded, "PNG")
    results = tiny.segment(several([photo, encoded, encoded.getvalue()]), "cat, dog")
    assert len(results) == 3
    assert all(np.array_equal(result.mask, results[0].mask) for result in results)
    assert np.array_equal(tiny.segment(encoded, "cat, dog").mask, results[0].mask)
    assert tiny.segment(several([]), "cat") == []
    assert len(list(tiny.stream(photo, "cat"))) == 1


def test_folders_and_patterns_in_a_stream_stand_for_their_photos(tiny: FreeSeg, tmp_path: Path) -> None:
    for name in ("a.png", "below/b.png", "below/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), "red").save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    given = [
        tmp_path / "a.png",
        tmp_path / "below",
        f"{tmp_path}/**/?.png",
        tmp_path / "empty",
        f"{tmp_path}/x*",
        np.zeros((9, 9)),
    ]
    outcomes = [each if isinstance(each, PhotoError) else each.name for each in tiny.stream(given, "cat")]
    assert outcomes[:6] == ["a.png", "b.png", "c.png", "a.png", "b.png", "c.png"]
    assert [str(each).partition(":")[0].partition(";")[0] for each in outcomes[6:8]] == [
        f"no photos in {tmp_path}/empty",
        f"no file matches {tmp_path}/x*",
    ]
    assert len(outcomes) == 9
    assert [each.name for each in tiny.segment([tmp_path / "below"], "cat")] == ["b.png", "c.png"]
    (lone,) = tiny.stream(str(tmp_path / "a.png"), "cat")
    assert not isinstance(lone, PhotoError)
    assert len(list(tiny.stream(tmp_path, "cat"))) == 3
