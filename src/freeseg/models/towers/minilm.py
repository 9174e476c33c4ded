"""all-MiniLM-L6-v2, the text tower of FreeSeg-Lite (Reimers & Gurevych 2019, arXiv 1908.10084)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers.models.bert import BertConfig, BertModel

from freeseg.models.packaged_weights import MINILM, MINILM_TOKENIZER

MAX_TOKENS = 128  # captions and labels are far shorter; MiniLM itself was trained with 128
SHOWN = 40


class MiniLM(nn.Module):
    """Text -> a 384-d unit vector: BERT, mean over tokens, L2-normalised.

    Example:
        >>> tower = MiniLM.pretrained()
        >>> tower(["a cat", "a kitten"]).shape
        torch.Size([2, 384])
    """

    def __init__(self, bert: BertModel, tokenizer: Tokenizer):
        super().__init__()
        self.bert = bert
        self.channels: int = bert.config.hidden_size
        self.tokenizer = tokenizer
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()

    @classmethod
    def pretrained(cls) -> MiniLM:
        """The published weights, from the installed weight package.

        Raises:
            WeightsError: They are missing or altered.
        """
        weights = MINILM.path()
        bert = BertModel(BertConfig.from_json_file(Path(weights).with_name("config.json")), add_pooling_layer=False)
        tensors = {name: tensor for name, tensor in load_file(weights).items() if not name.startswith("pooler.")}
        bert.load_state_dict(tensors, strict=False)  # position ids are a buffer that old files carry
        return cls(bert.eval(), Tokenizer.from_file(str(MINILM_TOKENIZER.path())))

    def forward(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
        """Texts -> (N, 384) float32 unit vectors. Long texts are cut, with a warning that names them."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # like lengths together: little padding
        embeddings = torch.empty(len(texts), self.channels)
        with torch.inference_mode():
            for start in range(0, len(texts), batch_size):
                chosen = order[start : start + batch_size]
                embeddings[chosen] = self._embed([texts[i] for i in chosen]).cpu()
        return embeddings.clone()

    def _embed(self, texts: list[str]) -> Tensor:
        encodings = self.tokenizer.encode_batch(texts)
        cut = [text for text, encoding in zip(texts, encodings, strict=True) if encoding.overflowing]
        if cut:  # one line is enough: the prompts of a label are cut together
            start = cut[0][:SHOWN] + "..." if len(cut[0]) > SHOWN else cut[0]
            warnings.warn(f"a text was cut after {MAX_TOKENS} tokens: {start!r}", stacklevel=4)
        device = self.bert.device
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        tokens = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask[..., None].to(tokens.dtype)
        return F.normalize((tokens * weight).sum(dim=1) / weight.sum(dim=1), dim=1).float()
