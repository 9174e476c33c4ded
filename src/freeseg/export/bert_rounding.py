"""A BERT made ready for weights that are rounded in blocks, at no cost when it runs.

Some channels are twenty times as large as most others, and coarsen whatever is rounded in one block with them. Side by
side they share a few blocks. The order of channels is a symmetry of the network: when all weights follow it, every
output is the same but for its own order.

Where a channel has a mean, rounding its weights shifts what they give, for all texts alike. Biases take that back
(`bias_correction` does it for convolutions).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from freeseg.export.blocks import round_in_blocks
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
    inputs = _inputs([each for layer in layers for each in _measured(layer)], run)
    sizes = {part: rows.square().mean(dim=0).sqrt() for part, rows in inputs.items()}
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


@torch.no_grad()
def correct_biases(bert: Bert, run: Callable[[], object], block: int) -> None:
    """Let biases make up for rounding the weights of all linear layers in blocks, in place.

    Args:
        bert: The network.
        run: Runs it on texts like those that it is for.
        block: How many numbers of a row will have one scale.
    """
    linear = [part for part in bert.modules() if isinstance(part, nn.Linear)]
    means = {part: rows.mean(dim=0) for part, rows in _inputs(linear, run).items()}
    for part in linear:
        weight = part.weight.numpy()
        rounded, scales = round_in_blocks(weight, block)
        error = torch.from_numpy(rounded * scales.repeat(block, axis=1) - weight)
        part.bias.sub_(error @ means[part])


def _inputs(parts: Sequence[nn.Module], run: Callable[[], object]) -> dict[nn.Module, Tensor]:
    """What parts are given while something runs: rows (tokens, channels)."""
    given: dict[nn.Module, list[Tensor]] = defaultdict(list)
    handles = [
        part.register_forward_pre_hook(lambda part, inputs: given[part].append(inputs[0].flatten(0, -2)))
        for part in parts
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return {part: torch.cat(rows) for part, rows in given.items()}
