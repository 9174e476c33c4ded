"""Text towers against transformers' own, with the tokens written out."""

from __future__ import annotations

import json
import shutil
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from freeseg.errors import SHOWN_CHARACTERS, WeightsError
from freeseg.models.towers.transformer.loading import load_checkpoint
from freeseg.models.towers.transformer.text import TransformerText
from tiny_transformers import CONTEXT, ZERO_SHOT, clip_tokenizer

NETWORKS = {"clip": transformers.CLIPModel, "siglip": transformers.SiglipModel, "siglip2": transformers.Siglip2Model}
TEXTS = ["cat", "a photo of a cat.", "Dog, dog!", "a", ""]


def text_tower(folder: Path) -> TransformerText:
    text = load_checkpoint(folder).text
    assert text is not None
    return text


shared_tower = cache(text_tower)  # for tests that leave it as it is


def own_embedding(folder: Path, ids: list[int]) -> torch.Tensor:
    """The unit embedding of one row of tokens, by transformers' own model."""
    network: Any = NETWORKS[json.loads((folder / "config.json").read_text())["model_type"]].from_pretrained(folder)
    with torch.inference_mode():
        row = network.eval().get_text_features(torch.tensor([ids])).pooler_output[0]
    return row / row.norm()


@pytest.mark.parametrize("kind", ["clip", "clip-gelu"])
def test_a_clip_text_is_begin_pieces_end(folders: dict[str, Path], kind: str) -> None:
    """No padding at all: what follows the end token changes nothing, as CLIP reads from left to right."""
    tower, tokenizer = shared_tower(folders[kind]), clip_tokenizer()
    pieces = [tokenizer.token_to_id(piece) for piece in ("<|startoftext|>", "ph", "o</w>", "cat</w>", "<|endoftext|>")]
    assert tower.tokens(["Pho  CAT"]) == ([pieces], [])
    torch.testing.assert_close(tower(["Pho CAT"])[0], own_embedding(folders[kind], pieces), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        tower(["Pho CAT", "a photo of a cat in a wide field"])[0], tower(["Pho CAT"])[0], atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize(("kind", "end", "padding"), [("siglip", 1, 1), ("siglip2", 1, 0), ("siglip2-naflex", 1, 0)])
def test_a_siglip_text_is_filled_up_to_the_context(folders: dict[str, Path], kind: str, end: int, padding: int) -> None:
    tower = shared_tower(folders[kind])
    [[*pieces]], cut = tower.tokens(["Cat"])
    assert cut == []
    assert len(pieces) == CONTEXT
    first = pieces.index(end)
    assert first >= 1
    assert pieces[first + 1 :] == [padding] * (CONTEXT - first - 1)
    torch.testing.assert_close(tower(["cat"])[0], own_embedding(folders[kind], pieces), atol=1e-5, rtol=1e-4)


def test_spelling_is_that_of_training(folders: dict[str, Path]) -> None:
    """SigLIP was trained without capitals and punctuation, SigLIP 2 without capitals."""
    assert shared_tower(folders["siglip"]).tokens.write("A  Dog, red!") == "a dog red"
    assert shared_tower(folders["siglip2"]).tokens.write("A  Dog, red!") == "a dog, red!"
    assert shared_tower(folders["clip"]).tokens.write("A  Dog, red!") == "A  Dog, red!"


@pytest.mark.parametrize("kind", ZERO_SHOT)
def test_unit_vectors_in_order_whatever_the_batches(folders: dict[str, Path], kind: str) -> None:
    tower = shared_tower(folders[kind])
    rows = tower(TEXTS, batch_size=2)
    assert rows.shape == (len(TEXTS), tower.channels)
    assert rows.dtype == torch.float32
    assert not rows.is_inference()
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(TEXTS)))
    torch.testing.assert_close(rows, torch.cat([tower([text]) for text in TEXTS]), atol=1e-5, rtol=1e-4)
    assert tower([]).shape == (0, tower.channels)


@pytest.mark.parametrize("kind", ZERO_SHOT)
def test_a_label_longer_than_the_context_is_cut_and_named(folders: dict[str, Path], kind: str) -> None:
    tower, long = shared_tower(folders[kind]), "catalogue of dogs " * 40
    with pytest.warns(UserWarning, match=f"a text was cut after {CONTEXT} tokens: 'catalogue of dogs") as caught:
        row = tower(["cat", long])
    assert len(caught) == 1
    assert len(str(caught[0].message)) < SHOWN_CHARACTERS + 60
    assert row.isfinite().all()
    [ids, _], _ = tower.tokens([long, "cat"])
    assert len(ids) == CONTEXT
    end = tower.tokens(["cat"])[0][0]
    assert ids[-1] in end  # the end stays
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tower(TEXTS)


def test_an_older_clip_has_its_tokens_in_two_files(copied: dict[str, Path]) -> None:
    folder = copied["clip"]
    before = text_tower(folder)(TEXTS)
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    (folder / "tokenizer.json").unlink()
    assert torch.equal(text_tower(folder)(TEXTS), before)


class TestRefused:
    def refused(self, folder: Path) -> str:
        with pytest.raises(WeightsError) as caught:
            load_checkpoint(folder)
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    def test_no_tokenizer(self, copied: dict[str, Path]) -> None:
        (copied["siglip"] / "tokenizer.json").unlink()
        assert f"{copied['siglip']} has no tokenizer.json" in self.refused(copied["siglip"])

    def test_a_damaged_tokenizer(self, copied: dict[str, Path]) -> None:
        (copied["clip"] / "tokenizer.json").write_text("{")
        assert "tokenizer.json cannot be read" in self.refused(copied["clip"])

    def test_a_tokenizer_of_another_checkpoint(self, copied: dict[str, Path]) -> None:
        shutil.copy(copied["clip"] / "tokenizer.json", copied["siglip"])
        assert "tokens but config.json has vocab_size" in self.refused(copied["siglip"])

    def test_another_end_token(self, copied: dict[str, Path]) -> None:
        path = copied["clip"] / "config.json"
        config = json.loads(path.read_text())
        config["text_config"]["eos_token_id"] = 7
        path.write_text(json.dumps(config))
        message = self.refused(copied["clip"])
        assert "ends texts with token" in message
        assert "eos_token_id 7" in message

    def test_settings_without_an_end(self, copied: dict[str, Path]) -> None:
        (copied["siglip2"] / "tokenizer_config.json").write_text("{}")
        assert "names no eos_token or pad_token" in self.refused(copied["siglip2"])


def test_a_clip_reads_html_entities_as_its_own_tokenizer_does(folders: dict[str, Path]) -> None:
    tokens = shared_tower(folders["clip"]).tokens
    assert tokens(["cat &amp;amp; dog", "cat &lt; dog"]) == tokens(["cat & dog", "cat < dog"])
    assert shared_tower(folders["clip"]).tokens.write("Q&amp;amp;A &eacute;") == "Q&A é"
