"""The text tower of FreeSeg-Lite as an ONNX file with weights in 8 bits, and its tokenizer beside it.

The graph holds all that follows the tokenizer: the network, the mean over tokens, and the L2 norm.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError
from freeseg.export.bert_rounding import correct_biases, sort_channels
from freeseg.export.blocks import MATRIX_BLOCK, round_weights
from freeseg.export.made import made
from freeseg.export.tracing import trace_module
from freeseg.files import atomic_path, sha256, write_bytes, write_json
from freeseg.models.onnx_files import DESCRIPTION, TEXT, TOKENIZER, OnnxFile, OnnxFiles
from freeseg.models.towers import minilm
from freeseg.models.towers.bert import Bert, Layer
from freeseg.models.towers.sentence_bert import MAX_TOKENS, SentenceBert
from freeseg.words import TEMPLATES, default_background, names, vocabulary
from freeseg.words.tokens import batches_of_like_length

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "embedding"
MIN_COSINE = 0.999  # of an embedding with that of PyTorch
SPARSE = 7  # every so many texts show which channels are large
RIDGE = 3.0  # of the correction, beside about two thousand unit vectors
MASKED = -1e4  # added to the attention of a token that only fills up its batch


class ExportedText(NamedTuple):
    """The file of a text tower.

    Attributes:
        path: The ONNX file, with its tokenizer and an `onnx.json` beside it.
        smallest: The smallest cosine of an embedding with that of PyTorch, over the texts that were compared.
        mean: The mean cosine.
        texts: How many texts were compared.
    """

    path: Path
    smallest: float
    mean: float
    texts: int


class SentenceEmbedder(nn.Module):
    """A text tower from tokens to unit vectors, in a form that can be traced for texts of any number and length.

    Args:
        bert: The tower's network.
        order: Which channel of the embedding each channel of the network is, (channels,).
    """

    place: Tensor

    def __init__(self, bert: Bert, order: Tensor):
        super().__init__()
        self.bert = bert
        self.register_buffer("place", order.argsort())

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Tokens (N, T) and which of them count (N, T), both int64 -> unit vectors (N, channels), float32."""
        weight = attention_mask[..., None].float()
        added = (1 - attention_mask[:, None, None, :].float()) * MASKED
        tokens = self.bert.encoder(self.bert.embeddings(input_ids), added)
        mean = (tokens * weight).sum(dim=1) / weight.sum(dim=1)
        return F.normalize(mean, dim=1).index_select(1, self.place)


def write_text_tower(folder: str | Path, *, command: str = "") -> ExportedText:
    """Write the text tower of FreeSeg-Lite (all-MiniLM-L6-v2) so that it runs without PyTorch.

    The file is compared with PyTorch before it gets its name; a file that differs is removed.

    Args:
        folder: Where to write `text.onnx`, `tokenizer.json` and `onnx.json`; made if need be.
        command: How it was made, for the record.

    Raises:
        WeightsError: The package with the tower's weights is missing or altered.
        FreeSegError: The file does not run, or its embeddings differ.
        OutputError: The folder cannot be written.
    """
    folder = Path(folder)
    tower = minilm.load_minilm()
    texts = checked_texts()
    path = folder / TEXT
    with atomic_path(path) as temporary:
        onnx.save(text_graph(tower, texts), temporary)
        found = compare(tower, temporary, texts)
        if found.smallest < MIN_COSINE:
            raise FreeSegError(
                f"an embedding of {TEXT} has a cosine of {found.smallest:.4f} with PyTorch's, less than {MIN_COSINE}; "
                "it was not left behind: use the text tower in PyTorch"
            )
    tokenizer = folder / TOKENIZER
    write_bytes(tokenizer, minilm.TOKENIZER.path().read_bytes())
    files = {each.name: OnnxFile(sha256(each)) for each in (path, tokenizer)}
    measured = {"texts": found.texts, "smallest cosine": found.smallest, "mean cosine": found.mean}
    about = made(command, measured)
    described = OnnxFiles(folder, tower.channels, files, tower_sha256=minilm.WEIGHTS.sha256, made=about)
    write_json(folder / DESCRIPTION, described.to_json())
    return found._replace(path=path)


def text_graph(tower: SentenceBert, texts: Sequence[str]) -> onnx.ModelProto:
    """A text tower as a graph, its weights in 8 bits.

    Args:
        tower: The tower; it is not changed.
        texts: Texts like those that it is for. They show which of its channels are large, and what rounding does.

    Raises:
        FreeSegError: Torch cannot trace it.
    """
    bert = copy.deepcopy(tower.bert)
    positions = bert.embeddings.position_embeddings
    positions.weight = nn.Parameter(positions.weight[:MAX_TOKENS], requires_grad=False)
    tokens = SentenceBert(bert, tower.tokenizer)
    order = sort_channels(bert, lambda: tokens(texts[::SPARSE]))
    correct_biases(bert, lambda: tokens(texts[::SPARSE]), MATRIX_BLOCK)
    ids = torch.arange(1, 22).reshape(3, 7)
    mask = (torch.arange(7) < torch.tensor([[7], [5], [2]])).long()
    traced = trace_module(SentenceEmbedder(bert, order), (ids, mask), INPUTS, OUTPUT, "the text tower")
    values = [layer.attention.self.value.weight.numpy().T for layer in cast(list[Layer], list(bert.encoder.layer))]
    rounded = round_weights(traced, values)  # what attention carries on: its rounding counts most, for its few numbers
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / TEXT
        onnx.save(rounded, path)
        found = embed(Session(path), tower, texts)
    return multiply(rounded, correction(found, tower(texts).numpy()))


def correction(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matrix (D, D) that brings rounded embeddings (N, D) nearest to exact ones (N, D), by ridge regression.

    What rounding changes is for the most part a linear function of the embedding, which some thousand texts show. The
    ridge holds the matrix near to the identity, so that it does no harm to texts that are like none of them.
    """
    rows = found.astype(np.float64)
    identity = np.eye(rows.shape[1])
    change = np.linalg.solve(rows.T @ rows + RIDGE * identity, rows.T @ (wanted - rows))
    matrix: NDArray[np.float32] = (identity + change).astype(np.float32)
    return matrix


def multiply(proto: onnx.ModelProto, matrix: NDArray[np.float32]) -> onnx.ModelProto:
    """The same graph, but its embeddings (N, D) are multiplied by a matrix (D, D), and of unit length again."""
    multiplied = onnx.ModelProto()
    multiplied.CopyFrom(proto)
    whole, product, by = f"{OUTPUT}.whole", f"{OUTPUT}.product", f"{OUTPUT}.correction"
    for node in multiplied.graph.node:
        node.output[:] = [whole if each == OUTPUT else each for each in node.output]
    multiplied.graph.node.extend(
        [
            onnx.helper.make_node("MatMul", [whole, by], [product]),
            onnx.helper.make_node("LpNormalization", [product], [OUTPUT], axis=1, p=2),
        ]
    )
    multiplied.graph.initializer.append(onnx.numpy_helper.from_array(matrix, by))
    return multiplied


def compare(tower: SentenceBert, path: Path, texts: Sequence[str]) -> ExportedText:
    """How near the embeddings of a file are to those of PyTorch.

    Args:
        tower: The tower in PyTorch.
        path: The file.
        texts: The texts to compare.
    """
    cosines = (embed(Session(path), tower, texts) * tower(texts).numpy()).sum(axis=1)
    return ExportedText(path, float(cosines.min()), float(cosines.mean()), len(texts))


def embed(session: Session, tower: SentenceBert, texts: Sequence[str]) -> NDArray[np.float32]:
    """The embeddings (N, channels) that a file gives for texts, tokenised as the tower does."""
    rows = np.empty((len(texts), tower.channels), np.float32)
    for chosen in batches_of_like_length(texts):
        encodings = tower.tokenizer.encode_batch([texts[place] for place in chosen])
        ids, mask = ([getattr(each, of) for each in encodings] for of in ("ids", "attention_mask"))
        rows[chosen] = session(np.array(ids), np.array(mask))
    return rows


def checked_texts() -> list[str]:
    """The texts that a file is compared on: labels of the lists that ship and background words, in their templates."""
    words = dict.fromkeys(default_background())
    words |= dict.fromkeys(alias for name in names() for alias in vocabulary(name).aliases)
    return [template.replace("{}", word) for template in TEMPLATES for word in words]
