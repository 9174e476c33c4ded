"""The channels of a BERT in the order of their size, so that rounding in blocks costs less.

Some channels are twenty times as large as most others, and coarsen whatever is rounded in one block with them. Side by
side they share a few blocks. The order of channels is a symmetry of the network: when all weights follow it, every
output is the same but for its own order, and no step is added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from freeseg.models.towers.bert import Bert, Layer


@torch.no_grad()
def sort_channels(bert: Bert, run: Callable[[], object]) -> Tensor:
    """Sort the channels of a network by their size, in place.

    Args:
        bert: The network.
        run: Runs it on texts like those that it is for.

    Returns:
        The order (channels,), int64: channel i of the output was channel `order[i]`.
    """
    embeddings, layers = bert.embeddings, cast(list[Layer], list(bert.encoder.layer))
    with _sizes([each for layer in layers for each in _measured(layer)]) as sizes:
        run()
    residual = torch.stack([sizes[each] / sizes[each].mean() for layer in layers for each in _measured(layer)[:2]])
    order = residual.mean(dim=0).argsort()
    for table in (embeddings.word_embeddings, embeddings.position_embeddings, embeddings.token_type_embeddings):
        table.weight.copy_(table.weight[:, order])
    _sort_outputs(embeddings.LayerNorm, order)
    for layer in layers:
        attention, intermediate, output = layer.attention, layer.intermediate.dense, layer.output
        hidden = sizes[output.dense].argsort()
        for reader in (attention.self.query, attention.self.key, attention.self.value, intermediate):
            reader.weight.copy_(reader.weight[:, order])
        _sort_outputs(intermediate, hidden)
        output.dense.weight.copy_(output.dense.weight[:, hidden])
        for writer in (attention.output, output):
            _sort_outputs(writer.dense, order)
            _sort_outputs(writer.LayerNorm, order)
    return order


def _measured(layer: Layer) -> tuple[nn.Module, nn.Module, nn.Module]:
    """The parts of a layer by whose inputs channels are sorted: two read what all layers share, one its own."""
    return layer.attention.self.query, layer.intermediate.dense, layer.output.dense


def _sort_outputs(part: nn.Linear | nn.LayerNorm, order: Tensor) -> None:
    """Sort what a part with weight and bias gives."""
    part.weight.copy_(part.weight[order])
    part.bias.copy_(part.bias[order])


@contextmanager
def _sizes(parts: list[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """The root mean square of each channel that parts are given while the block runs; filled when it ends."""
    squares: dict[nn.Module, list[Tensor]] = defaultdict(list)

    def add(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        squares[part].append(inputs[0].flatten(0, -2).square().mean(dim=0))

    handles = [part.register_forward_pre_hook(add) for part in parts]
    found: dict[nn.Module, Tensor] = {}
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
    found.update({part: torch.stack(rows).mean(dim=0).sqrt() for part, rows in squares.items()})
