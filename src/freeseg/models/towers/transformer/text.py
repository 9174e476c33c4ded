"""Text towers of the CLIP family, with the checkpoint's own tokenizer, padding and context."""

from __future__ import annotations

import html
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from freeseg.bounds import read_entry
from freeseg.errors import WeightsError, reason
from freeseg.models.config import CONFIG
from freeseg.models.towers.text_batches import embed_in_batches
from freeseg.models.towers.transformer.folder import in_file, read_json
from freeseg.words.tokens import KnownTokens, warn_of_cut

TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Tokens:
    """How a checkpoint turns texts into tokens.

    Attributes:
        tokenizer: Its tokenizer.
        context: How many tokens a text may have.
        padding: The token with which shorter texts are filled up.
        fixed: Whether every text is filled up to the context (SigLIP), or only to the longest one of its batch.
        end: A token to put after every text, where the tokenizer does not do so; -1 for none.
        canonical: "" leaves texts as they are, "html" reads HTML's entities (`&amp;`) twice, as CLIP's own tokenizer
            does, "lower" writes them in lower case, "plain" drops punctuation as well.
    """

    tokenizer: Tokenizer
    context: int
    padding: int
    fixed: bool = False
    end: int = -1
    canonical: str = ""

    def __call__(self, texts: Sequence[str]) -> tuple[list[list[int]], list[str]]:
        """Rows of tokens, all of one length, and those of the texts that were cut."""
        room = self.context - (self.end >= 0)
        rows, cut = [], []
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(room)
        for text, encoded in zip(texts, self.tokenizer.encode_batch([self.write(text) for text in texts]), strict=True):
            rows.append(encoded.ids + [self.end] * (self.end >= 0))
            if encoded.overflowing:
                cut.append(text)
        length = self.context if self.fixed else max(map(len, rows), default=0)
        return [row + [self.padding] * (length - len(row)) for row in rows], cut

    def write(self, text: str) -> str:
        """A text in the spelling that the checkpoint was trained on."""
        if self.canonical == "html":
            return html.unescape(html.unescape(text))
        if self.canonical == "plain":
            text = text.translate(NO_PUNCTUATION)
        return " ".join(text.lower().split()) if self.canonical else text


class TransformerText(nn.Module):
    """Text -> a unit vector in the joint space of its checkpoint.

    Args:
        network: The text model of transformers.
        projection: Its projection to the joint space, where the family has one.
        tokens: The checkpoint's tokens.
    """

    def __init__(self, network: Any, projection: nn.Module | None, tokens: Tokens):
        super().__init__()
        self.network, self.projection, self.tokens = network, projection or nn.Identity(), tokens
        size = network.config.hidden_size
        self.channels: int = getattr(projection, "out_features", getattr(network.config, "projection_size", size))

    @property
    def spelling(self) -> str:
        """How texts become tokens: what decides their embeddings besides the weights."""
        return repr([self.tokens.tokenizer.to_str(), *list(vars(self.tokens).values())[1:]])

    def forward(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
        """Texts -> (N, channels) float32 unit vectors on the CPU. Long texts are cut, with a warning that names one."""
        return embed_in_batches(self._embed, texts, channels=self.channels, batch_size=batch_size)

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts of which the tokenizer knows nothing: their embeddings are alike."""
        written = [self.tokens.write(text) for text in texts]
        unknown = set(self._known_tokens.unknown(written))
        return [text for text, spelling in zip(texts, written, strict=True) if spelling in unknown]

    @cached_property
    def _known_tokens(self) -> KnownTokens:
        return KnownTokens(self.tokens.tokenizer)

    def _embed(self, texts: list[str]) -> Tensor:
        rows, cut = self.tokens(texts)
        warn_of_cut(cut, tokens=self.tokens.context)
        ids = torch.tensor(rows, device=self.network.device)
        # No attention mask: CLIP reads from left to right up to the end token, SigLIP was trained to read its padding.
        pooled = self.network(input_ids=ids).pooler_output
        return F.normalize(self.projection(pooled).float(), dim=1)


def read_tokens(folder: Path, network: Any) -> Tokens:
    """The tokens of a checkpoint whose text model is `network`.

    Raises:
        WeightsError: There is no tokenizer, or it does not belong to the text model.
    """
    tokenizer, config = _tokenizer(folder), network.config
    if tokenizer.get_vocab_size() > config.vocab_size:
        raise WeightsError(
            f"{folder}: {TOKENIZER} has {tokenizer.get_vocab_size()} tokens but {CONFIG} has vocab_size "
            f"{config.vocab_size}; they are of different checkpoints"
        )
    settings = read_json(folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    with in_file(folder / TOKENIZER_CONFIG):
        padding, end = (_special(tokenizer, settings, kind) for kind in ("pad_token", "eos_token"))
        class_name = read_entry(settings, "tokenizer_class", str, "SiglipTokenizer")
    context = config.max_position_embeddings
    if config.model_type == "clip_text_model":
        _check_clip_end(folder, tokenizer, config.eos_token_id)
        return Tokens(tokenizer, context, padding if padding is not None else config.pad_token_id, canonical="html")
    if end is None or padding is None:
        raise WeightsError(f"{folder}: {TOKENIZER_CONFIG} names no eos_token or pad_token; download it again")
    ends_itself = tokenizer.encode("a").ids[-1:] == [end]
    plain = class_name.startswith("Siglip") and not class_name.startswith("Siglip2")
    canonical = "plain" if plain else "lower"
    return Tokens(tokenizer, context, padding, True, -1 if ends_itself else end, canonical)


def _tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of tokenizer.json, or of the vocabulary and merges that older CLIPs have instead."""
    try:
        if (folder / TOKENIZER).is_file():
            return Tokenizer.from_file(str(folder / TOKENIZER))
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            from transformers import CLIPTokenizer

            tokenizer: Tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
            return tokenizer
    except Exception as error:  # tokenizers raises Exception itself
        raise WeightsError(f"{folder / TOKENIZER} cannot be read ({reason(error)}); download it again") from error
    raise WeightsError(f"{folder} has no {TOKENIZER}; copy the whole checkpoint")


def _special(tokenizer: Tokenizer, settings: dict[str, Any], kind: str) -> int | None:
    """The number of a special token. The settings name it by its text, or by an entry that holds its text."""
    inner = f"{kind}.content" if isinstance(settings.get(kind), dict) else kind
    text = read_entry(settings, inner, str | None, None)
    return tokenizer.token_to_id(text) if text else None


def _check_clip_end(folder: Path, tokenizer: Tokenizer, expected: int) -> None:
    """Check the end token, at which CLIP's embedding is read: it must be the one that the tokenizer writes."""
    end = tokenizer.encode("a").ids[-1]
    legacy = expected == 2  # configs before 2023 say 2 and mean the highest number
    if end != (tokenizer.get_vocab_size() - 1 if legacy else expected):
        raise WeightsError(
            f"{folder}: {TOKENIZER} ends texts with token {end} but {CONFIG} has eos_token_id {expected}; "
            "they are of different checkpoints"
        )
