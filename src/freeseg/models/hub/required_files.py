"""Which files a model in the format of `transformers` consists of: its config, weights, preprocessing, tokenizer."""

from __future__ import annotations

import re
from collections.abc import Collection

from freeseg.errors import WeightsError

CONFIG = "config.json"
# (all in one file, the index of several files, one of several files), in the order of preference.
SAFETENSORS = ("model.safetensors", "model.safetensors.index.json", "model-{:05d}-of-{:05d}.safetensors")
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-{:05d}-of-{:05d}.bin")
# All the forms that preprocessing and tokenizers are written in; open_clip's config is compared with them.
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
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
COUNT = re.compile(r"-\d{5}-of-(\d{5})\.")


class PickledError(WeightsError):
    """Weights that would have to be unpickled."""


def required_files(names: Collection[str], model: str, *, weights_only: bool = False) -> list[str]:
    """Of all the files of a model, those that it needs.

    Args:
        names: The names of the files, relative to the model's folder.
        model: What the model is called in errors.
        weights_only: Whether a pickle will do where there is no safetensors: the caller reads it as plain tensors
            (`torch.load(weights_only=True)`).

    Raises:
        WeightsError: A file is missing, which is named.
        PickledError: The weights are a pickle.

    Example:
        >>> required_files(["README.md", "config.json", "model.safetensors", "pytorch_model.bin", "merges.txt"], "mine")
        ['config.json', 'model.safetensors', 'merges.txt']
    """
    if CONFIG not in names:
        hint = "it is in open_clip's own format; give" if "open_clip_config.json" in names else "give"
        raise WeightsError(f"{model} holds no {CONFIG}; {hint} a model in the format of transformers")
    weights = _weights(names, model, SAFETENSORS)
    if not weights and weights_only:
        weights = _weights(names, model, PICKLES)
    if not weights:
        pickles = sorted(name for name in names if name.endswith(PICKLED) and "/" not in name)
        if pickles:
            raise PickledError(
                f"{model} has its weights as a pickle only ({pickles[0]}), and reading one can run code; convert it "
                "(https://huggingface.co/docs/safetensors/convert-weights) and give the folder with model.safetensors"
            )
        raise WeightsError(f"{model} holds no {SAFETENSORS[0]}; copy all of the model's files")
    return [CONFIG, *weights, *(name for name in EXTRAS if name in names)]


def _weights(names: Collection[str], model: str, form: tuple[str, str, str]) -> list[str]:
    """The files of the weights in one form; none if they are not there in that form.

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
