"""The model card says what one must know before one uses a model."""

from __future__ import annotations

from freeseg.models import Config
from freeseg.models.card import model_card
from freeseg.models.towers import resolve


def test_the_model_card_says_what_one_must_know() -> None:
    training = {"sources": {"flickr8k": 8090, "my photos": 12}, "command": "freeseg pretrain a b --out c"}
    card = model_card(
        Config("mine", resolve("efficientnet-lite1"), licence="CC0-1.0", training=training, metrics={"mSC": 37.5})
    )
    assert card.startswith("# mine\n")
    assert "Licence: CC0-1.0." in card
    assert "- flickr8k: 8,090 photos\n- my photos: 12 photos\n" in card
    assert "`freeseg pretrain a b --out c`" in card
    assert "| mSC | 37.5 |" in card
    assert "efficientnet-lite1" in card
    assert "never seen a mask" in card
    assert "## Limits" in card
