"""Results as objects of other programs, and as Python's own."""

from __future__ import annotations

import copy
import io
import pickle
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import FreeSegError, LabelError
from freeseg.photos.large_jpegs import LatePhoto
from freeseg.results.segmentation import Segmentation

LABELS = ("background", "cat", "<b>dog</b> & co", "bird")


def make(**changes: object) -> Segmentation:
    """A cat in two parts, a dog, some pixels that nothing is known of."""
    mask = np.zeros((6, 8), np.uint8)
    mask[1:4, 2:5] = 2
    mask[5, :3] = 1
    mask[0, 6] = 1
    mask[0, 7] = 255
    confidence = np.where(mask == 1, 0.5, 0.75).astype(np.float32)
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    given = {"name": "a.jpg", "source": "photos/a.jpg", "presence": {"cat": 0.25}, **changes}
    return replace(Segmentation(mask, confidence, LABELS, Image.fromarray(pixels)), **given)


class TestOwn:
    def test_it_is_a_collection_of_what_was_found(self) -> None:
        result = make()
        assert list(result) == ["<b>dog</b> & co", "cat"]
        assert len(result) == 2
        assert "cat" in result
        assert "bird" not in result
        nothing = make(mask=np.zeros((6, 8), np.uint8))
        assert (len(nothing), list(nothing), bool(nothing)) == (0, [], True)

    def test_a_mask_has_two_names(self) -> None:
        result = make()
        assert result.mask_of("cat").dtype == np.bool_
        assert (result.mask_of("cat") == (result.mask == 1)).all()
        assert (result.label_mask("cat") == result.mask_of("cat")).all()

    def test_a_crop_is_the_photo_around_a_label(self) -> None:
        result = make()
        crop = result.crop("<b>dog</b> & co")
        assert crop.mode == "RGB"
        assert (np.asarray(crop) == np.asarray(result.photo)[1:4, 2:5]).all()
        with pytest.raises(LabelError, match=r"^no pixel shows 'bird'; what was found: '<b>dog</b> & co, cat'$"):
            result.crop("bird")
        with pytest.raises(LabelError, match="no label 'horse'"):
            result.crop("horse")

    def test_equal_is_what_says_the_same(self) -> None:
        assert make() == make()
        assert hash(make()) == hash(make())
        assert make() == copy.deepcopy(make())
        assert make() != "a.jpg"
        confidence = make().confidence.copy()
        confidence[0, 0] = 0
        for changes in (
            {"mask": np.zeros((6, 8), np.uint8)},
            {"confidence": confidence},
            {"labels": (*LABELS, "horse")},
            {"photo": Image.new("RGB", (8, 6))},
            {"name": "b.jpg"},
            {"model": "another"},
            {"source": ""},
            {"presence": {}},
            {"candidates": ("cat",)},
        ):
            assert make() != make(**changes)
        assert make() != Segmentation(
            np.zeros((1, 1), np.uint8), np.ones((1, 1), np.float32), LABELS, Image.new("RGB", (1, 1))
        )

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_it_can_be_pickled(self, protocol: int) -> None:
        photo = make().photo
        for result in (make(), make(photo=LatePhoto((8, 6), photo.copy))):
            again = pickle.loads(pickle.dumps(result, protocol))  # noqa: S301 - our own
            assert again == result == make()
            assert again.to_dict() == result.to_dict()

    def test_show_shows_the_overlay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[tuple[Image.Image, str]] = []
        monkeypatch.setattr(Image.Image, "show", lambda self, title=None: shown.append((self, title)))
        make().show()
        assert shown == [(make().overlay(), "a.jpg")]


class TestNotebooks:
    def test_a_picture(self) -> None:
        for size in ((8, 6), (2_400, 30)):
            mask, confidence = np.zeros(size[::-1], np.uint8), np.ones(size[::-1], np.float32)
            result = Segmentation(mask, confidence, LABELS, Image.new("RGB", size))
            with Image.open(io.BytesIO(result._repr_png_())) as picture:
                assert picture.format == "PNG"
                assert max(picture.size) <= 1_000

    def test_html_is_escaped(self) -> None:
        tags, texts = [], []

        class Parser(HTMLParser):
            def handle_starttag(self, tag: str, attrs: object) -> None:
                tags.append(tag)

            def handle_data(self, data: str) -> None:
                texts.append(data)

        Parser().feed(make(name='"><script>.jpg')._repr_html_())
        assert set(tags) == {"figure", "img", "figcaption", "table", "tr", "th", "td"}
        assert {"<b>dog</b> & co", "cat", "18.8%", '"><script>.jpg', "0.50"} <= set(texts)
        assert "bird" not in texts


class TestPandas:
    def test_a_table(self) -> None:
        pytest.importorskip("pandas")
        table = make().to_pandas()
        assert table["label"].tolist() == ["background", "<b>dog</b> & co", "cat"]
        assert table["pixels"].tolist() == [34, 9, 4]
        assert table["photo"].unique().tolist() == ["photos/a.jpg"]
        assert table.set_index("label")["presence"]["cat"] == 0.25
        assert table["presence"].isna().tolist() == [True, True, False]
        assert (table["share"] * 48).round().astype(int).tolist() == [34, 9, 4]

    def test_who_lacks_it_is_told_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(FreeSegError, match=r'^to_pandas needs pandas; run: pip install "freeseg\[pandas\]"$'):
            make().to_pandas()


class TestSupervision:
    @pytest.mark.parametrize("instances", [False, True])
    def test_detections(self, instances: bool) -> None:
        pytest.importorskip("supervision")
        result = make()
        found = result.to_supervision(instances=instances, min_area=0)
        names = ["cat", "cat", "<b>dog</b> & co"] if instances else ["cat", "<b>dog</b> & co"]
        assert found["class_name"].tolist() == names
        assert found.class_id.tolist() == [LABELS.index(name) - 1 for name in names]
        assert found.area.tolist() == ([3, 1, 9] if instances else [4, 9])
        assert found.confidence.tolist() == [0.5 if name == "cat" else 0.75 for name in names]
        for name in ("cat", "<b>dog</b> & co"):
            assert (found[found["class_name"] == name].mask.any(axis=0) == result.mask_of(name)).all()
        assert found.xyxy[-1].tolist() == [2, 1, 4, 3]  # the first and the last pixel, as supervision has them

    def test_nothing_found(self) -> None:
        pytest.importorskip("supervision")
        assert len(make(mask=np.zeros((6, 8), np.uint8)).to_supervision()) == 0

    def test_who_lacks_it_is_told_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "supervision", None)
        with pytest.raises(FreeSegError, match=r"^to_supervision needs supervision; run: pip install"):
            make().to_supervision()


class TestTransformers:
    @pytest.mark.parametrize("instances", [False, True])
    def test_a_list_of_segments(self, instances: bool) -> None:
        result = make()
        found = result.to_transformers(instances=instances, min_area=0)
        names = ["cat", "cat", "<b>dog</b> & co"] if instances else ["cat", "<b>dog</b> & co"]
        assert [each["label"] for each in found] == names
        assert [each["score"] for each in found] == [0.5 if name == "cat" else 0.75 for name in names]
        for name in ("cat", "<b>dog</b> & co"):
            masks = [np.asarray(each["mask"]) for each in found if each["label"] == name]
            assert (np.max(masks, axis=0) == np.where(result.mask_of(name), 255, 0)).all()

    def test_nothing_found(self) -> None:
        assert make(mask=np.zeros((6, 8), np.uint8)).to_transformers() == []

    def test_it_has_the_shape_of_the_pipeline(self) -> None:
        """A segment of the pipeline itself, of a tiny model with random weights."""
        transformers = pytest.importorskip("transformers")
        sizes = {"num_encoder_blocks": 1, "depths": [1], "sr_ratios": [1], "hidden_sizes": [4], "patch_sizes": [3]}
        config = transformers.SegformerConfig(
            **sizes, strides=[2], num_attention_heads=[1], mlp_ratios=[1], decoder_hidden_size=4
        )
        pipeline = transformers.pipeline(
            "image-segmentation",
            model=transformers.SegformerForSemanticSegmentation(config),
            image_processor=transformers.SegformerImageProcessor(size={"height": 16, "width": 16}),
        )
        result = make()
        theirs = pipeline(result.photo)[0]
        ours = result.to_transformers()[0]
        assert list(ours) == list(theirs)
        assert type(ours["label"]) is type(theirs["label"])
        for mask in (ours["mask"], theirs["mask"]):
            assert isinstance(mask, Image.Image)
            assert (mask.mode, mask.size) == ("L", (8, 6))
            assert set(np.unique(mask)) <= {0, 255}
