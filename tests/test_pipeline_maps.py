"""Photo + words -> similarity maps, and the embeddings of the words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from numpy.typing import NDArray
from PIL import Image

import freeseg
from freeseg.photos import fit_short_side, resize
from freeseg.pipeline import FreeSeg
from freeseg.words import TEMPLATES, Vocabulary
from tiny import iclip_of
from tiny_transformers import CLIP_MEAN, CLIP_STD, save_clip

LABELS = ["cat", "sofa|couch", "floor"]
NOISE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)


def neighbourhood_means(values: torch.Tensor, side: int) -> torch.Tensor:
    """The mean over side x side neighbours, those beyond the border left out, (h, w) -> same."""
    reach = side // 2
    means = torch.empty_like(values)
    for y, x in np.ndindex(*values.shape):
        means[y, x] = values[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].mean()
    return means


class TestSimilarity:
    @pytest.mark.parametrize("smoothing", [1, 3])
    def test_equals_an_independent_recomputation(self, tiny: FreeSeg, smoothing: int) -> None:
        tiny.config = replace(tiny.config, decision=replace(tiny.config.decision, smoothing=smoothing))
        model, head = iclip_of(tiny), iclip_of(tiny).image_head
        with torch.inference_mode():
            head.first.bias.copy_(torch.linspace(-0.2, 0.2, 16))
            seen = torch.from_numpy(np.array(resize(Image.fromarray(NOISE), fit_short_side((70, 45), 192))))
            features = model.image_tower.features((seen.permute(2, 0, 1)[None] - 127.0) / 128.0)[0].double()
            standard = (features - head.mean[:, None, None]) / head.std[:, None, None]
            weight, bias = head.first.weight.double(), head.first.bias.double()
            patches = torch.einsum("dc,chw->dhw", weight, standard) + bias[:, None, None]
            patches = patches / patches.norm(dim=0, keepdim=True)
            maps = []
            for word in ("cat", "dog"):
                rows = model.text_tower([template.replace("{}", word) for template in TEMPLATES]).double()
                rows = rows @ model.text_head.weight.double().T
                mean = (rows / rows.norm(dim=1, keepdim=True)).mean(dim=0)
                maps.append(neighbourhood_means(torch.einsum("d,dhw->hw", mean / mean.norm(), patches), smoothing))
            expected = F.interpolate(torch.stack(maps)[None], (45, 70), mode="bilinear", align_corners=False)[0]
        found = tiny.similarity(NOISE, ["cat", "dog"])
        assert found.shape == (2, 45, 70)
        assert found.dtype == np.float32
        assert np.abs(found).max() <= 1
        assert found.std(axis=(1, 2)).min() > 0.01
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_aliases_are_merged_by_maximum(self, tiny: FreeSeg) -> None:
        def maps(labels: list[str]) -> NDArray[np.float32]:
            return tiny.maps(tiny.prepare(NOISE), tiny.embed_vocabulary(Vocabulary.of(labels))).labels

        merged, separate = maps(["sofa|couch|settee", "cat"]), maps(["sofa", "couch", "settee", "cat"])
        winners = separate[:3].argmax(axis=0)
        assert len(np.unique(winners)) > 1  # or the maximum is no different from one of them
        np.testing.assert_allclose(merged[0], separate[:3].max(axis=0), atol=1e-6)
        np.testing.assert_allclose(merged[1], separate[3], atol=1e-6)
        shown = tiny.similarity(NOISE, ["sofa|couch|settee"])[0]
        assert (shown >= tiny.similarity(NOISE, ["sofa", "couch", "settee"]).max(axis=0) - 1e-5).all()


class TestRemoveRedundancy:
    def test_equals_the_published_form(self, tiny: FreeSeg) -> None:
        """Labels and background words together, each weighed by what the photo's patches say to it on average."""
        asked = Vocabulary.of(LABELS, ["wall", "sky", "grass"])
        maps = tiny.maps(tiny.prepare(NOISE), tiny.embed_vocabulary(asked))
        assert len(maps.background) > 1
        every = np.concatenate([maps.labels, maps.background]).astype(np.float64)
        scores = np.exp(2 * every.mean(axis=(1, 2)))
        weighted = every * (len(every) * scores / scores.sum())[:, None, None]
        expected = torch.from_numpy(weighted - weighted.mean(axis=0))[: len(LABELS)]
        expected = F.interpolate(expected[None], (45, 70), mode="bilinear", align_corners=False)[0]
        found = tiny.similarity(NOISE, asked, remove_redundancy=True)
        assert (found.shape, found.dtype) == ((3, 45, 70), np.float32)
        assert found.std(axis=(1, 2)).min() > 0.01
        np.testing.assert_allclose(found, expected, atol=1e-5)

    @pytest.mark.parametrize("background", [[], ["wall", "sky"]])
    @pytest.mark.parametrize("views", [None, (48, 32)])
    def test_of_a_clip_asks_its_class_token(
        self, tmp_path: Path, background: list[str], views: tuple[int, ...] | None
    ) -> None:
        """CLIP Surgery's feature surgery as its paper has it, over patches x labels x channels."""
        model = freeseg.load(save_clip(tmp_path), short_side=None if views else 48, views=views)
        model = model.with_config(replace(model.config, same_meaning=1.0))  # random weights tell few words apart
        asked = Vocabulary.of(["cat", "dog", "horse"], background)
        texts = torch.from_numpy(model.embed_vocabulary(asked).embeddings)
        assert len(texts) == 3 + len(background)
        pixels = model.prepare(NOISE).pixels
        patches = torch.from_numpy(model.engine.patches(pixels))
        network = transformers.CLIPModel.from_pretrained(tmp_path).eval()
        mean, std = (torch.tensor(each)[:, None, None] for each in (CLIP_MEAN, CLIP_STD))
        with torch.inference_mode():
            normalised = (torch.from_numpy(pixels).permute(2, 0, 1) / 255 - mean) / std
            seen = network.vision_model(pixel_values=normalised[None], interpolate_pos_encoding=True).pooler_output
            image = F.normalize(network.visual_projection(seen), dim=1)
        likely = torch.softmax(2 * image @ texts.T, dim=1)
        products = torch.einsum("dhw,nd->nhwd", patches, texts) * (likely / likely.mean())[0, :, None, None, None]
        expected = (products - products.mean(dim=0)).sum(dim=3)[:3]
        expected = F.interpolate(expected[None], (45, 70), mode="bilinear", align_corners=False)[0]
        for photo in (NOISE, model.look(NOISE)):
            found = model.similarity(photo, asked, remove_redundancy=True)
            np.testing.assert_allclose(found, expected, atol=1e-5)
        as_by_patches = torch.softmax(2 * (texts @ patches.flatten(1)).mean(dim=1), dim=0)
        assert (as_by_patches - likely[0]).abs().max() > 1e-3  # or both would pass

    def test_without_background_words_the_labels_sum_to_nothing(self, tiny: FreeSeg) -> None:
        found = tiny.similarity(NOISE, Vocabulary.of(LABELS, []), remove_redundancy=True)
        np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-5)
        assert not tiny.similarity(NOISE, Vocabulary.of("cat", []), remove_redundancy=True).any()

    def test_a_lone_label_is_told_from_the_background(self, embedded: FreeSeg, cat_photo: Image.Image) -> None:
        plain = embedded.similarity(cat_photo, "cat")
        found = embedded.similarity(cat_photo, "cat", remove_redundancy=True)
        assert found[:, 100:200, 100:300].mean() > found[:, :100, -60:].mean() + 0.2  # the face, the room
        assert not np.allclose(found, plain)


class TestWords:
    def left(self, model: FreeSeg, labels: str, background: list[str]) -> int:
        """How many background words stay in the game."""
        words = model.embed_vocabulary(Vocabulary.of(labels, background))
        return len(words.embeddings) - len(words.label_of_alias)

    def test_background_words_that_mean_a_label_are_left_out(self, embedded: FreeSeg) -> None:
        assert self.left(embedded, "cat", ["grass", "sky", "wall"]) == 3
        assert self.left(embedded, "sky", ["grass", "sky", "wall"]) == 2
        assert self.left(embedded, "lawn", ["grass", "sky", "wall"]) == 2
        assert self.left(embedded, "cat, meadow|grass", ["grass", "sky", "wall"]) == 2  # an alias counts too

    def test_the_words_that_stay_are_the_other_ones(self, embedded: FreeSeg) -> None:
        mixed = embedded.embed_vocabulary(Vocabulary.of("sky", ["grass", "sky", "wall"]))
        plain = embedded.embed_vocabulary(Vocabulary.of("sky", ["grass", "wall"]))
        np.testing.assert_allclose(mixed.embeddings, plain.embeddings, atol=1e-5)
        assert mixed.names == ("sky",)

    def test_a_vocabulary_is_embedded_once(self, tiny: FreeSeg) -> None:
        assert tiny.embed_vocabulary(Vocabulary.of(LABELS)) is tiny.embed_vocabulary(Vocabulary.of(list(LABELS)))

    def test_embeddings_are_unit_vectors(self, embedded: FreeSeg) -> None:
        words = embedded.embed_vocabulary(Vocabulary.of(["cat", "кот", "日", "קָטָן", "sofa|couch"]))
        np.testing.assert_allclose(np.linalg.norm(words.embeddings, axis=1), 1, atol=1e-5)
        assert words.label_of_alias.tolist() == [0, 1, 2, 3, 4, 4]
