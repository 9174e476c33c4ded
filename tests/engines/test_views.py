"""Looking at a photo at several sizes, and mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

import freeseg
from freeseg.engines.views import ViewsEngine
from freeseg.errors import FreeSegError, PhotoError
from freeseg.words.embedded import WordEmbeddings


class Colours:
    """An engine that sees the mean colour of each square of 8 pixels, and whether it is on the left."""

    name, precision, views, stride, max_concurrent = "colours", "float32", "", 8, 1
    weights_sha256, identity = "0" * 64, "colours"

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        return WordEmbeddings(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32))

    def to(self, device: str) -> Colours:
        self.device = device
        return self

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        return [word for word in words if word == "unknown"]

    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.einsum("nd,dhw->nhw", texts, self.patches(pixels))

    def patches(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert pixels.flags.writeable  # PyTorch warns of others
        self.sizes.append(pixels.shape[:2])
        height, width = pixels.shape[0] // 8, pixels.shape[1] // 8
        colours = pixels[: height * 8, : width * 8].reshape(height, 8, width, 8, 3).mean((1, 3)).transpose(2, 0, 1)
        left = np.broadcast_to(np.linspace(255, 0, width), (1, height, width))
        seen = np.concatenate([colours, left]).astype(np.float32) + 1
        return seen / np.linalg.norm(seen, axis=0)

    def whole(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.patches(pixels).mean(axis=(1, 2))


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_the_class_token_is_asked_about_the_whole_photo_as_it_is() -> None:
    pixels, engine = picture(64, 96), Colours()
    np.testing.assert_array_equal(ViewsEngine(engine, [0.5]).whole(pixels), engine.whole(pixels))


def test_a_patch_is_the_unit_mean_of_what_all_views_see_at_its_place() -> None:
    pixels, engine = picture(64, 96), Colours()
    small = np.array(Image.fromarray(pixels).resize((48, 32), Image.Resampling.BICUBIC))
    both = [
        torch.from_numpy(engine.patches(view) + engine.patches(view[:, ::-1])[:, :, ::-1]) for view in (pixels, small)
    ]
    wide = F.interpolate(both[1][None], (8, 12), mode="bilinear", align_corners=False)[0]
    expected = F.normalize(both[0] + wide, dim=0)
    np.testing.assert_allclose(ViewsEngine(engine, [0.5]).patches(pixels), expected, atol=1e-6)


def test_cosines_are_the_products_of_words_and_patches() -> None:
    engine = ViewsEngine(Colours(), [0.7])
    pixels, texts = picture(40, 56), np.eye(4, dtype=np.float32)[:3]
    maps = engine.similarity_maps(pixels, texts)
    assert maps.shape == (3, 5, 7)
    np.testing.assert_array_equal(maps, engine.patches(pixels)[:3])


def test_a_mirrored_photo_gives_the_mirrored_patches() -> None:
    engine, pixels = ViewsEngine(Colours(), [0.5]), picture(64, 96)
    mirrored = engine.patches(np.ascontiguousarray(pixels[:, ::-1]))
    np.testing.assert_allclose(mirrored, engine.patches(pixels)[:, :, ::-1], atol=1e-6)


def test_each_view_has_whole_patches_of_a_transformer() -> None:
    engine = Colours()
    ViewsEngine(engine, [0.5, 0.01], multiple=16).patches(picture(96, 144))
    assert engine.sizes == [(96, 144)] * 2 + [(16, 16)] * 2 + [(48, 64)] * 2  # 72 is between two: the even one


def test_all_else_is_that_of_the_engine_and_the_views_tell_apart() -> None:
    inner = Colours()
    engine = ViewsEngine(inner, [0.5, 0.5])
    for name in ("name", "precision", "stride", "max_concurrent", "weights_sha256"):
        assert getattr(engine, name) == getattr(inner, name)
    assert engine.unknown_words(["cat", "unknown"]) == ["unknown"]
    assert (engine.to("cuda").identity, inner.device) == (engine.identity, "cuda")
    assert engine.embed_words(["cat"], ["{}"]).joint.shape == (4, 4)
    assert len({inner.identity, engine.identity, ViewsEngine(inner).identity, ViewsEngine(inner, [0.6]).identity}) == 4


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, float("nan")])
def test_a_share_must_be_smaller_than_all(share: float) -> None:
    with pytest.raises(ValueError, match="shares must be in"):
        ViewsEngine(Colours(), [share])


def test_a_model_that_looks_several_times() -> None:
    once, model = freeseg.load(), freeseg.load(views=(64, 128, 96, 128))
    assert isinstance(model.engine, ViewsEngine)
    assert model.engine.smaller == (0.5, 0.75)
    assert model.config.preprocessing.short_side == 128
    photo = picture(100, 150)
    assert model.segment(photo, "cat, dog").mask.shape == (100, 150)
    seen = model.look(photo)
    np.testing.assert_array_equal(model.segment(seen, "cat, dog").mask, model.segment(photo, "cat, dog").mask)
    for other in (once, freeseg.load(short_side=128), freeseg.load(views=(96, 128))):
        with pytest.raises(PhotoError, match="another model looked at this photo"):
            other.segment(seen, "cat, dog")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": (256, 352), "short_side": 300}, "views are short sides themselves; leave short_side"),
        ({"views": (256, 8)}, "short side is 8; it must be at least 32 pixels"),
    ],
)
def test_views_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(FreeSegError, match=message):
        freeseg.load(**options)  # type: ignore[arg-type]
