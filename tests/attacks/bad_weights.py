"""Bad weights and training states: damaged, of other shapes and kinds, not finite, or with code in them."""

from __future__ import annotations

import io
import json
import pickle
import random
import shutil
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

import freeseg
from attacks.damage import STRANGE, Attack, changed, damaged
from freeseg.files import bytes_sha256
from freeseg.models import checkpoint, towers
from freeseg.models.config import CONFIG, WEIGHTS
from networks import RECIPE, tiny_task
from tiny_transformers import save_clip

PHOTO = np.random.default_rng(0).integers(0, 256, (24, 36, 3), dtype=np.uint8)
NOT_FINITE = (float("nan"), float("inf"), -float("inf"))
OTHER_KINDS = (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.uint8, torch.bool)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of a CLIP, "clip"; of a model on top of it, "model"; and of a training, "training"."""
    folder = tempfile.TemporaryDirectory()
    root = Path(folder.name)
    pair = towers.resolve(str(save_clip(root / "clip")))
    torch.manual_seed(0)
    model = towers.untrained(pair, hidden=4)
    checkpoint.save(model, checkpoint.new_config("tiny", pair, model, hidden=4), root / "model")
    _train(root / "training")
    return folder


def _root() -> Path:
    return Path(_folder().name)


def _changed_tensors(right: bytes, chance: random.Random) -> bytes:
    """A file of tensors, some of which are others; or its bytes are damaged."""
    if chance.random() < 0.3:
        return damaged(right, chance)
    tensors = load_tensors(right)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(sorted(tensors) or ["none"])
        match chance.randrange(4):
            case 0:
                tensors.pop(name, None)
            case 1:
                tensors[f"{name}.x"] = tensors.pop(name, torch.zeros(1))
            case _:
                tensors[name] = _strange_tensor(tensors.get(name, torch.zeros(2)), chance)
    return save_tensors({name: each.contiguous() for name, each in tensors.items()})


def _strange_tensor(tensor: Tensor, chance: random.Random) -> Tensor:
    """A tensor with numbers that are none, or of another shape or kind."""
    match chance.randrange(5):
        case 0:
            return tensor.to(chance.choice(OTHER_KINDS))
        case 1:
            return tensor.flatten()[: chance.randrange(4)]
        case 2:
            return torch.full_like(tensor.double(), chance.choice((1e30, 1e300, -1e300)))
    strange = tensor.float().flatten().clone()
    if len(strange):
        strange[chance.randrange(len(strange))] = chance.choice(NOT_FINITE)
    return strange.reshape(tensor.shape)


def _read_model(content: bytes, folder: Path) -> object:
    """A model that FreeSeg wrote, whose config says that these are its weights."""
    config = json.loads((_root() / "model" / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"weights_sha256": bytes_sha256(content)}))
    (folder / WEIGHTS).write_bytes(content)
    return _segment(folder)


def _read_clip(content: bytes, folder: Path) -> object:
    for path in (_root() / "clip").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).write_bytes(content)
    return _segment(folder)


def _segment(folder: Path) -> object:
    result = freeseg.load(folder).segment(PHOTO, "cat, dog")
    if not np.isfinite(result.confidence).all():
        raise ValueError("confidences that are no numbers")
    return result


class Code:
    """What runs when it is unpickled without care."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def _code_ran() -> Path:
    return _root() / "code-ran"


def _train(run: Path) -> None:
    task = tiny_task(run.parent / "drawn", replace(RECIPE, epochs=1))
    task.loop(run).fit()
    if not all(each.isfinite().all() for each in task.average.trained_tensors().values()):
        raise ValueError("a network of numbers that are none")


def _right_state() -> bytes:
    return (_root() / "training" / "state.pt").read_bytes()


def _bad_state(chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return damaged(_right_state(), chance)
    state = torch.load(io.BytesIO(_right_state()), weights_only=True)
    if chance.random() < 0.2:
        code = chance.choice([Code(_code_ran()), {"settings": {}, "step": Code(_code_ran())}])
        return pickle.dumps(code) if chance.random() < 0.5 else _saved({**state, "more": code})

    def strange(value: Any) -> Any:
        return _strange_tensor(value, chance) if isinstance(value, Tensor) else deepcopy(chance.choice(STRANGE))

    return _saved(changed(state, chance, strange))


def _saved(state: Any) -> bytes:
    encoded = io.BytesIO()
    torch.save(state, encoded)
    return encoded.getvalue()


def _read_state(content: bytes, folder: Path) -> object:
    (folder / "state.pt").write_bytes(content)
    try:
        return _train(_moved(folder))
    finally:
        if _code_ran().exists():
            _code_ran().unlink()
            raise RuntimeError("code from a file has run")


def _moved(folder: Path) -> Path:
    """The folder of a training, beside the photos of all of them."""
    run = _root() / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(folder, run)
    return run


def _right_weights(name: str) -> bytes:
    return (_root() / name / WEIGHTS).read_bytes()


WEIGHTS_ATTACKS = {
    "a model's weights": Attack(
        lambda _: _right_weights("model"),
        lambda chance: _changed_tensors(_right_weights("model"), chance),
        _read_model,
    ),
    "a CLIP's weights": Attack(
        lambda _: _right_weights("clip"), lambda chance: _changed_tensors(_right_weights("clip"), chance), _read_clip
    ),
    "training states": Attack(lambda _: _right_state(), _bad_state, _read_state),
}
