"""BERT (Devlin et al. 2018, arXiv 1810.04805) as an encoder of texts: no dropout, no pooler, no second segment.

The names of its tensors are those of published checkpoints, and its numbers are those of transformers' `BertModel` to
the last bit. Its own code is here because transformers takes longer to import than a photo takes to segment.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from freeseg.bounds import Bounds, check_fields, check_value
from freeseg.errors import FreeSegError, WeightsError, reason
from freeseg.files import parse_json

Size = Annotated[int, Bounds(1, 1_000_000)]


@dataclass(frozen=True)
class BertConfig:
    """The sizes of a BERT, by the names that the config.json of a checkpoint gives them.

    Attributes:
        vocab_size: How many tokens it knows.
        hidden_size: Width of a token.
        num_hidden_layers: How many layers follow one another.
        num_attention_heads: Heads of each layer's attention, which share its width.
        intermediate_size: Width inside each layer's perceptron.
        max_position_embeddings: How many tokens a text can have.
        type_vocab_size: How many segments it can tell apart; all tokens are in the first.
        layer_norm_eps: Added to variances.

    Raises:
        FreeSegError: A size makes no sense; the message names it.
    """

    vocab_size: Size
    hidden_size: Size
    num_hidden_layers: Size
    num_attention_heads: Size
    intermediate_size: Size
    max_position_embeddings: Size = 512
    type_vocab_size: Size = 2
    layer_norm_eps: Annotated[float, Bounds(0, 1)] = 1e-12

    def __post_init__(self) -> None:
        check_fields(self)
        if self.hidden_size % self.num_attention_heads:
            raise FreeSegError(f"hidden_size is {self.hidden_size}; it must be a multiple of num_attention_heads")

    @classmethod
    def read(cls, path: Path) -> BertConfig:
        """The sizes that a config.json tells.

        Raises:
            WeightsError: It is missing, damaged, or lacks one.
        """
        try:
            numbers = parse_json(path.read_text(encoding="utf-8"))
            check_value("it", numbers, dict[str, Any])
            if lacking := [each.name for each in fields(cls) if each.default is MISSING and each.name not in numbers]:
                raise FreeSegError(f"it lacks {', '.join(lacking)}")
            return cls(**{each.name: numbers[each.name] for each in fields(cls) if each.name in numbers})
        except (OSError, ValueError, FreeSegError) as error:
            raise WeightsError(f"{path} cannot be read ({reason(error)}); download it again") from error


class Linear(nn.Linear):
    """A linear layer whose weights come from a file: to draw them at random first takes longer than to read them."""

    def reset_parameters(self) -> None:
        """Leave the weights as memory has them."""


class Embedding(nn.Embedding):
    """An embedding whose weights come from a file."""

    def reset_parameters(self) -> None:
        """Leave the weights as memory has them."""


class Bert(nn.Module):
    """Tokens -> a vector for each.

    Args:
        config: Its sizes.

    Example:
        >>> import torch
        >>> bert = Bert(BertConfig(9, 8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
        >>> ids = torch.tensor([[2, 5, 3], [2, 3, 0]])
        >>> bert(ids, torch.tensor([[1, 1, 1], [1, 1, 0]])).shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)

    @classmethod
    def from_file(cls, weights: Path) -> Bert:
        """A published network, in evaluation mode.

        Args:
            weights: A safetensors file, with the network's config.json beside it. Tensors that have no place here, as
                those of a pooler, are left out.

        Raises:
            WeightsError: A file is missing or damaged, or they do not belong together.
        """
        bert = cls(BertConfig.read(weights.with_name("config.json")))
        own = bert.state_dict().keys()
        try:
            bert.load_state_dict({name: tensor for name, tensor in load_file(weights).items() if name in own})
        except (OSError, SafetensorError, RuntimeError) as error:
            raise WeightsError(f"{weights} does not fit its config ({reason(error)}); download it again") from error
        return bert.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Tokens (B, T) int64 -> vectors (B, T, hidden_size).

        Args:
            input_ids: The tokens.
            attention_mask: 1 for tokens that are there, 0 for those that fill up the batch (B, T).
        """
        # Without a mask attention has a faster way, which gives other last bits.
        seen = attention_mask.bool()[:, None, None, :].expand(-1, 1, input_ids.shape[1], -1)
        tokens: Tensor = self.encoder(self.embeddings(input_ids), None if bool(attention_mask.all()) else seen)
        return tokens


class Embeddings(nn.Module):
    """Tokens -> the sum of the vectors of what they are and of where they stand."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.word_embeddings = Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Tokens (B, T) -> vectors (B, T, hidden_size)."""
        words = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        embedded: Tensor = self.LayerNorm(words + self.position_embeddings.weight[: input_ids.shape[1]])
        return embedded


class Encoder(nn.Module):
    """The layers, one after the other."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """Vectors -> vectors (B, T, hidden_size); `seen` is as `SelfAttention` takes it."""
        for layer in self.layer:
            tokens = layer(tokens, seen)
        return tokens


class Layer(nn.Module):
    """Attention, then a perceptron, each added to what came in."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = Output(config.intermediate_size, config)

    def forward(self, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """Vectors -> vectors (B, T, hidden_size); `seen` is as `SelfAttention` takes it."""
        attended = self.attention(tokens, seen)
        result: Tensor = self.output(self.intermediate(attended), attended)
        return result


class Attention(nn.Module):
    """Attention and the layer that ends it."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.self = SelfAttention(config)
        self.output = Output(config.hidden_size, config)

    def forward(self, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """Vectors -> vectors (B, T, hidden_size); `seen` is as `SelfAttention` takes it."""
        result: Tensor = self.output(self.self(tokens, seen), tokens)
        return result


class SelfAttention(nn.Module):
    """Every token looks at every other one, in several heads."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.heads = config.num_attention_heads
        self.query = Linear(config.hidden_size, config.hidden_size)
        self.key = Linear(config.hidden_size, config.hidden_size)
        self.value = Linear(config.hidden_size, config.hidden_size)

    def extra_repr(self) -> str:
        """What its layers do not tell: the embeddings' cache knows a network by its text."""
        return f"heads={self.heads}"

    def forward(self, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """Vectors -> vectors (B, T, hidden_size).

        Args:
            tokens: The vectors.
            seen: Which tokens are looked at, bool, or what is added to how much they are, float (B, 1, T or 1, T);
                None for all.
        """
        query, key, value = (
            part(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return attended.transpose(1, 2).flatten(2)


class Intermediate(nn.Module):
    """The inner half of the perceptron."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = Linear(config.hidden_size, config.intermediate_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, hidden_size) -> (B, T, intermediate_size)."""
        return F.gelu(self.dense(tokens))


class Output(nn.Module):
    """Back to a token's width, added to what came in, and normalised."""

    def __init__(self, width: int, config: BertConfig):
        super().__init__()
        self.dense = Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, inner: Tensor, tokens: Tensor) -> Tensor:
        """(B, T, width) and what came in (B, T, hidden_size) -> (B, T, hidden_size)."""
        result: Tensor = self.LayerNorm(self.dense(inner) + tokens)
        return result
