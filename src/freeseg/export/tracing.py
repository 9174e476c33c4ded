"""A graph as an ONNX model: traced by torch.export for any number and size of photos, then made tidy."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import onnx
import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.export import Dim

from freeseg.errors import FreeSegError, reason
from freeseg.export.graph import Graph

TRACED = (2, 3, 83, 117)  # no square, and no multiple of any stride: nothing about it holds by chance
# What varies, by input or output and axis; a viewer of the file shows these names.
AXES = {
    "pixels": {0: "batch", 2: "height", 3: "width"},
    "text": {0: "words"},
    "logits": {0: "batch", 2: "rows", 3: "columns"},
    "itsm": {0: "batch", 1: "words", 2: "rows", 3: "columns"},
    "input_ids": {0: "texts", 1: "tokens"},
    "attention_mask": {0: "texts", 1: "tokens"},
    "embedding": {0: "texts"},
}
EMBEDDER = "embedder/"  # begins the names of the nodes of `graph.Graph.embedder`
SCOPE = "pkg.torch.onnx.name_scopes"  # where torch says which module a node comes from
ANY_SIZE = 1 << 40  # bytes of a constant that may be folded
SMALL_SIZE = 32  # the same where weights stay as they are: sizes and axes only


def trace(graph: Graph, others: tuple[Tensor, ...], name: str, *, folded: bool = True) -> onnx.ModelProto:
    """A graph as an ONNX model, nodes named by the part they belong to.

    Args:
        graph: The graph.
        others: Examples of its inputs after the pixels; their first axis varies.
        name: What the model is called in errors.
        folded: Whether what follows from weights alone is computed now. Otherwise every weight stays as it is in the
            model, where another file may have it.

    Raises:
        FreeSegError: Torch cannot trace it, or it is too large for one file.
    """
    pixels = 255 * torch.rand(TRACED, generator=torch.Generator().manual_seed(0))
    return trace_module(graph, (pixels, *others), graph.inputs, graph.output, name, folded=folded)


def trace_module(
    module: nn.Module, inputs: tuple[Tensor, ...], names: Sequence[str], output: str, name: str, *, folded: bool = True
) -> onnx.ModelProto:
    """A module as an ONNX model: what `trace` does, for inputs of any kind.

    Args:
        module: The module.
        inputs: Examples of its inputs.
        names: The names of the inputs, for each of which `AXES` says what varies.
        output: The name of the output.
        name: As for `trace`.
        folded: As for `trace`.

    Raises:
        FreeSegError: As for `trace`.
    """
    from onnxscript import optimizer

    try:
        with torch.no_grad(), quiet():
            program = torch.onnx.export(
                module.eval(),
                inputs,
                dynamo=True,
                verbose=False,
                optimize=folded,
                input_names=list(names),
                output_names=[output],
                dynamic_shapes=tuple(dict.fromkeys(AXES[each], Dim.DYNAMIC) for each in names),
            )
            assert program is not None  # noqa: S101 - with dynamo it is there
            for node in program.model.graph:
                if "'embedder'" in node.metadata_props.get(SCOPE, ""):
                    node.name = f"{EMBEDDER}{node.name}"
            if folded:
                _fold(program.model)
            else:
                optimizer.optimize_ir(program.model, input_size_limit=SMALL_SIZE, output_size_limit=SMALL_SIZE)
            pad_in_convolutions(program.model.graph)
            optimizer.remove_unused_nodes(program.model)
            rename_inner(program.model.graph)
            return _tidy(program.model_proto)
    except Exception as error:  # torch and onnx raise nearly any kind
        raise FreeSegError(
            f"{name} cannot be exported ({reason(error)}); use it in PyTorch, or export another model"
        ) from error


def fold_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A graph that was traced with `folded=False`, as it would have been with `folded=True`."""
    model = ir.from_proto(proto)
    with quiet():
        _fold(model)
    folded: onnx.ModelProto = ir.to_proto(model)
    return folded


def _fold(model: ir.Model) -> None:
    """Compute what follows from constants."""
    from onnxscript import optimizer

    optimizer.fold_constants(model, input_size_limit=ANY_SIZE, output_size_limit=ANY_SIZE)
    optimizer.remove_unused_nodes(model)


def rename_inner(graph: ir.Graph) -> None:
    """Values within the graph must not have the name of an output, as torch gives them its own names."""
    taken = {each.name for each in graph.outputs}
    for node in graph:
        for value in node.outputs:
            if value.name in taken and value not in graph.outputs:
                value.name = f"{value.name}.inner"


def pad_in_convolutions(graph: ir.Graph) -> None:
    """Let convolutions of the embedder pad for themselves where it was done before them, by `efficientnet.SameConv`.

    Its padding is what ONNX calls SAME_UPPER. A padding of its own costs a copy of the photo's largest maps, in
    another layout than that of the convolutions.
    """
    for node in graph:
        padding = node.inputs[0].producer() if node.op_type == "Conv" and node.inputs[0] else None
        if padding is None or padding.op_type != "Pad" or EMBEDDER not in (padding.name or ""):
            continue
        if padding.attributes.get_string("mode", "constant") == "constant" and not any(
            node.attributes.get_ints("pads", (0,))
        ):
            node.replace_input_with(0, padding.inputs[0])
            node.attributes.pop("pads", None)
            node.attributes.add(ir.AttrString("auto_pad", "SAME_UPPER"))


def _tidy(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Without traces of how it was made (among them the folders of this machine), and with named axes."""
    del proto.graph.value_info[:]  # every size as a formula of the photo's; runtimes infer them themselves
    del proto.metadata_props[:]
    for part in (proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    for value in (*proto.graph.input, *proto.graph.output):
        for axis, name in AXES[value.name].items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    onnx.checker.check_model(proto)
    return proto


@contextmanager
def quiet() -> Iterator[None]:
    """Without the exporters' warnings and logs: what is wrong with a graph is found by running it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
