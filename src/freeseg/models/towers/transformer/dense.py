"""Dense modes: patch tokens that answer to words, from a vision transformer that was trained on whole images.

The last blocks of a CLIP mix the patches for the sake of its class token, so that a patch says little about its own
place when it comes out. Each mode reads the last blocks in another way, with the weights as they are; nothing is
trained. A block is

    x' = x + out(attention(q, k, v)),  x[i+1] = x' + mlp(norm2(x')),  with q, k, v of norm1(x),

and `attention(a, b, c) = softmax(scale a b^T) c` in each head. In these terms the patch tokens y are:

| mode | blocks | y | source |
|---|---|---|---|
| raw | 1 | `x[i+1]`, the block as it is | CLIP, arXiv 2103.00020 |
| maskclip | 1 | the block with `v` for `attention(q, k, v)` | MaskCLIP, arXiv 2112.01071 |
| surgery | 6 | `y[i+1] = y + out(attention(v, v, v))`, from `y = x` on | CLIP Surgery, arXiv 2304.05653 |
| sclip | 1 | the block with `attention(q, q, v) + attention(k, k, v)` | SCLIP, arXiv 2312.01597 |
| clearclip | 1 | `out(attention(q, q, v))` | ClearCLIP, arXiv 2407.12442 |
| naclip | 1 | `out(softmax(scale k k^T + neighbourhood) v)` | NACLIP, arXiv 2404.08181 |

Where a paper does not say whether the block's residual and feed-forward stay, its authors' code decides. The ordinary
path, which the class token takes, is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.errors import FreeSegError, shortened

Layer = Callable[[Tensor], Tensor]
Step = Callable[["Block", Tensor, "Heads", Tensor | None], Tensor]
NEIGHBOURHOOD = 5.0  # NACLIP's standard deviation, in patches


class Block(NamedTuple):
    """A pre-norm transformer block: its layers, each (..., D) -> (..., D), and how its heads attend."""

    norm1: Layer
    q: Layer
    k: Layer
    v: Layer
    out: Layer
    norm2: Layer
    mlp: Layer
    heads: int
    scale: float


class Heads(NamedTuple):
    """Queries, keys and values of all tokens, each (B, heads, T, D / heads)."""

    q: Tensor
    k: Tensor
    v: Tensor


class Mode(NamedTuple):
    """How patch tokens are read.

    Attributes:
        depth: How many of the last blocks are read in the mode's own way.
        step: What each of them does to the patch tokens.
        neighbours: Whether the attention favours near patches.
    """

    depth: int
    step: Step
    neighbours: bool = False


def first_block(mode: str, blocks: int) -> int:
    """The index of the first block that a mode reads in its own way.

    Args:
        mode: A key of `MODES`.
        blocks: How many blocks the transformer has.

    Raises:
        FreeSegError: There is no such mode; the message lists those there are.

    Example:
        >>> first_block("surgery", 12), first_block("sclip", 12), first_block("surgery", 2)
        (6, 11, 0)
    """
    return blocks - min(_mode(mode).depth, blocks)


def dense_tokens(
    mode: str, tokens: Tensor, blocks: Sequence[Block], *, grid: tuple[int, int], has_class_token: bool
) -> Tensor:
    """Patch tokens in one of the `MODES`, before the transformer's final norm and projection.

    The ordinary path of the last block is not computed, as no patch depends on it.

    Args:
        mode: A key of `MODES`.
        tokens: Tokens (B, T, D) entering block `first_block(mode, ...)`: the class token, if any, then the patches
            row by row.
        blocks: That block and all after it.
        grid: (height, width) in patches.
        has_class_token: Whether the first token is a class token.

    Returns:
        (B, height * width, D), in the tokens' dtype.

    Raises:
        FreeSegError: There is no such mode.
        ValueError: The tokens do not fill the grid, or the blocks are not those that the mode reads.
    """
    chosen, special = _mode(mode), int(has_class_token)
    _check(chosen, tokens, blocks, grid, special)
    bias = neighbourhood(grid, special=special, like=tokens) if chosen.neighbours else None
    dense = tokens
    for block in blocks[:-1]:
        dense, mixed = _attended(chosen, block, dense, tokens, bias)
        tokens = _rest(block, tokens, mixed)
    return chosen.step(blocks[-1], dense, _heads(blocks[-1], tokens), bias)[:, special:]


def neighbourhood(grid: tuple[int, int], *, special: int, like: Tensor, std: float = NEIGHBOURHOOD) -> Tensor:
    """NACLIP's bonus for near patches, `exp(-d^2 / (2 std^2))` at a distance d in patches, added before the softmax.

    Args:
        grid: (height, width) in patches.
        special: How many tokens come before the patches; they neither give nor get a bonus.
        like: A tensor of the dtype and device that the bonus shall have.
        std: Standard deviation, in patches.

    Returns:
        (T, T) in [0, 1], T = special + height * width.

    Example:
        >>> neighbourhood((1, 2), special=1, like=torch.zeros(()), std=1.0)
        tensor([[0.0000, 0.0000, 0.0000],
                [0.0000, 1.0000, 0.6065],
                [0.0000, 0.6065, 1.0000]])
    """
    places = (torch.arange(side, dtype=torch.float64) for side in grid)
    rows, columns = (torch.exp(-((p[:, None] - p) ** 2) / (2 * std**2)).to(like) for p in places)
    bonus = (rows[:, None, :, None] * columns[:, None, :]).flatten(2).flatten(0, 1)  # exp(-(x^2 + y^2)) is a product
    return F.pad(bonus, (special, 0, special, 0))


def _mode(name: str) -> Mode:
    if name not in MODES:
        raise FreeSegError(f"no dense mode {shortened(name)}; use one of: {', '.join(MODES)}")
    return MODES[name]


def _check(mode: Mode, tokens: Tensor, blocks: Sequence[Block], grid: tuple[int, int], special: int) -> None:
    if not 1 <= len(blocks) <= mode.depth:
        raise ValueError(f"this mode reads the last {mode.depth} blocks, not {len(blocks)}; see first_block")
    if tokens.shape[1] != special + grid[0] * grid[1]:
        raise ValueError(
            f"{tokens.shape[1]} tokens, {special} of them a class token, do not fill a grid of {grid}; "
            "give its sides in patches"
        )


def _attended(mode: Mode, block: Block, dense: Tensor, tokens: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """A block's dense tokens and its ordinary attention, from the same heads, which are freed on return."""
    heads = _heads(block, tokens)
    return mode.step(block, dense, heads, bias), _attention(block, *heads)


def _heads(block: Block, tokens: Tensor) -> Heads:
    normed = block.norm1(tokens)
    parts = (layer(normed) for layer in (block.q, block.k, block.v))
    return Heads(*(part.view(*part.shape[:2], block.heads, -1).transpose(1, 2) for part in parts))


def _attention(block: Block, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """softmax(scale query key^T + bias) value of each head, side by side: (B, T, D)."""
    return _joined(F.scaled_dot_product_attention(query, key, value, bias, scale=block.scale))


def _joined(heads: Tensor) -> Tensor:
    return heads.transpose(1, 2).flatten(2)


def _rest(block: Block, tokens: Tensor, mixed: Tensor) -> Tensor:
    """A block after its attention: projection, residual, feed-forward, residual."""
    tokens = tokens + block.out(mixed)
    return tokens + block.mlp(block.norm2(tokens))


def _raw(block: Block, tokens: Tensor, heads: Heads, bias: Tensor | None = None) -> Tensor:
    """The block as it is; the numbers are those of transformers' SDPA attention, bit by bit."""
    return _rest(block, tokens, _attention(block, *heads))


def _maskclip(block: Block, tokens: Tensor, heads: Heads, bias: Tensor | None) -> Tensor:
    """MaskCLIP (arXiv 2112.01071, section 3): without queries and keys, every patch keeps its own value.

    On ViTs its authors' code keeps the residual and the feed-forward (`TransformerEncoderLayer`, `return_qkv`).
    """
    return _rest(block, tokens, _joined(heads.v))


def _surgery(block: Block, tokens: Tensor, heads: Heads, bias: Tensor | None) -> Tensor:
    """CLIP Surgery (arXiv 2304.05653), architecture surgery: `A_con = softmax(s V V^T) V` in a second path.

    It has no feed-forward, and is fed by the values of the ordinary path (its authors' code, `ResidualAttentionBlock`).
    """
    return tokens + block.out(_attention(block, heads.v, heads.v, heads.v))


def _sclip(block: Block, tokens: Tensor, heads: Heads, bias: Tensor | None) -> Tensor:
    """SCLIP (arXiv 2312.01597), correlative self-attention: `softmax(s Q Q^T) + softmax(s K K^T)` for the attention.

    It is a sum and not a mean; the rest of the block stays (its authors' code, `custom_attn` with `csa`).
    """
    mixed = _attention(block, heads.q, heads.q, heads.v) + _attention(block, heads.k, heads.k, heads.v)
    return _rest(block, tokens, mixed)


def _clearclip(block: Block, tokens: Tensor, heads: Heads, bias: Tensor | None) -> Tensor:
    """ClearCLIP (arXiv 2407.12442): `X = Proj(Attn_qq v)`, neither residual nor feed-forward."""
    return block.out(_attention(block, heads.q, heads.q, heads.v))


def _naclip(block: Block, tokens: Tensor, heads: Heads, bias: Tensor | None) -> Tensor:
    """NACLIP (arXiv 2404.08181): keys instead of queries, near patches favoured, neither residual nor feed-forward.

    In its authors' code: attention `naclip`, architecture `reduced`.
    """
    return block.out(_attention(block, heads.k, heads.k, heads.v, bias))


MODES: dict[str, Mode] = {
    "raw": Mode(1, _raw),
    "maskclip": Mode(1, _maskclip),
    # The paper's depth d = 7 of ViT-B's twelve blocks, counted from one; its code takes the last six of every ViT.
    "surgery": Mode(6, _surgery),
    "sclip": Mode(1, _sclip),
    "clearclip": Mode(1, _clearclip),
    "naclip": Mode(1, _naclip, neighbours=True),
}
