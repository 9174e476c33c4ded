"""Which of a model's files are needed, in the format of transformers: config, weights, preprocessing, tokenizer."""

from __future__ import annotations

import re
from collections.abc import Collection

from freeseg.errors import WeightsError
from freeseg.models.config import CONFIG
from freeseg.models.onnx_files import DESCRIPTION, IMAGE, IMAGE_INT8, WORDS

# How weights may be kept: (all in one file, the index of several files, one of several files).
SAFETENSORS = ("model.safetensors", "model.safetensors.index.json", "model-{:05d}-of-{:05d}.safetensors")
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-{:05d}-of-{:05d}.bin")
# The files in which preprocessing and tokenizers may be, and open_clip's config, which is compared with them.
EXTRAS = (
    "open_clip_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "spiece.model",
    "tokenizer.model",
)
# The files with which a model of FreeSeg runs without PyTorch.
LIGHT = (DESCRIPTION, IMAGE, IMAGE_INT8, WORDS)
OTHER_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
COUNT = re.compile(r"-\d{5}-of-(\d{5})\.")


def required_files(names: Collection[str], model: str) -> list[str]:
    """Of all the files of a model, those that it needs.

    Weights are taken as safetensors where there are any, else as a pickle in transformers' format, of which FreeSeg
    reads only tensors (`torch.load(weights_only=True)`).

    Args:
        names: The names of the files, relative to the model's folder.
        model: What the model is called in errors.

    Raises:
        WeightsError: A file is missing, or the weights are a pickle in another format; the message names the file.

    Example:
        >>> required_files(["README.md", "config.json", "model.safetensors", "pytorch_model.bin", "merges.txt"], "mine")
        ['config.json', 'model.safetensors', 'merges.txt']
    """
    if CONFIG not in names:
        hint = "it is in open_clip's own format; give" if "open_clip_config.json" in names else "give"
        raise WeightsError(f"{model} holds no {CONFIG}; {hint} a model in the format of transformers")
    weights = _weights(names, model, SAFETENSORS) or _weights(names, model, PICKLES)
    if not weights:
        pickles = sorted(name for name in names if name.endswith(OTHER_PICKLES) and "/" not in name)
        if pickles:
            raise WeightsError(
                f"{model} has its weights as a pickle of another format only ({pickles[0]}), and reading one can run "
                "code; convert it (https://huggingface.co/docs/safetensors/convert-weights) and give the folder with "
                "model.safetensors"
            )
        raise WeightsError(f"{model} holds no {SAFETENSORS[0]}; copy all of the model's files")
    others = (*EXTRAS, *LIGHT) if DESCRIPTION in names else EXTRAS
    return [CONFIG, *weights, *(name for name in others if name in names)]


def _weights(names: Collection[str], model: str, form: tuple[str, str, str]) -> list[str]:
    """The files of the weights in one form; none if they are not kept in that form.

    Raises:
        WeightsError: Some of several files are missing.
    """
    single, index, part = form
    if single in names:
        return [single]
    if index not in names:
        return []
    prefix = part.partition("-")[0]
    counts = {int(match[1]) for name in names if name.startswith(prefix) and (match := COUNT.search(name))}
    count = max(counts, default=1)
    parts = [part.format(number, count) for number in range(1, count + 1)]
    if missing := [name for name in parts if name not in names]:
        raise WeightsError(f"{model} lacks {', '.join(missing)}; copy all of the model's files")
    return [index, *parts]
