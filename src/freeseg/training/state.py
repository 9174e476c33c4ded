"""The state of a training on disk, and the settings that it may go on with."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from freeseg.errors import PATH_CHARACTERS, FreeSegError, reason, shortened
from freeseg.files import write_bytes

FILE = "state.pt"
# A setting's name in FreeSeg 0.1.0 -> its name now.
RENAMED_SETTINGS = {
    "again_rate": "self_training_rate",
    "foreground": "foreground_share",
    "background": "background_share",
}
DROPPED_SETTINGS = ("processes",)  # FreeSeg 0.1.0 went on with as many processes as before only


def write(run: Path, settings: Mapping[str, object], state: Mapping[str, object]) -> None:
    """Write a state to `run/state.pt` atomically.

    Args:
        run: Folder of the training; made if need be.
        settings: All that decides the result, by name: numbers, texts and lists of them.
        state: Tensors, and values of the same kinds.

    Raises:
        OutputError: The state cannot be written.
    """
    encoded = io.BytesIO()  # torch.save raises errors of its own kinds when the disk is full
    torch.save({"settings": dict(settings), **state}, encoded)
    write_bytes(run / FILE, encoded.getbuffer())


def read(run: Path, settings: Mapping[str, object], device: torch.device) -> dict[str, Any] | None:
    """The state that `write` left in `run`, its tensors on `device`; None where there is none.

    Raises:
        FreeSegError: The state belongs to a training with other settings, which the message names; or it is damaged.

    Example:
        >>> import tempfile
        >>> run = Path(tempfile.mkdtemp())
        >>> write(run, {"tau": 0.5}, {"step": 3})
        >>> read(run, {"tau": 0.5}, torch.device("cpu"))["step"]
        3
    """
    if not (run / FILE).exists():
        return None
    state = _load(run / FILE, device)
    before = {
        RENAMED_SETTINGS.get(name, name): value
        for name, value in state.pop("settings").items()
        if name not in DROPPED_SETTINGS
    }
    changed = [
        f"{name} {_shortened(before.get(name))} -> {_shortened(settings.get(name))}"
        for name in {**settings, **before}
        if settings.get(name) != before.get(name)
    ]
    if changed:
        raise FreeSegError(
            f"{run} holds a training with other settings ({', '.join(changed)}); choose another --out, or remove it"
        )
    return state


def damaged(run: Path, cause: str) -> FreeSegError:
    """What to raise for a state that cannot be used.

    Args:
        run: Folder of the training.
        cause: What is wrong with it.
    """
    return FreeSegError(f"{run / FILE} is no state of a training that can go on ({cause}); remove it to begin anew")


def _load(path: Path, device: torch.device) -> dict[str, Any]:
    """What a state's file holds, read as tensors and plain values: nothing in it is run."""
    if device.type == "cpu":  # there is one, but accelerate gives it an index, which torch.load does not know
        device = torch.device("cpu")
    try:
        with warnings.catch_warnings(action="ignore"):  # of the file's kind, which the error tells as well
            state = torch.load(path, weights_only=True, map_location=device)
    except FreeSegError:
        raise
    except Exception as error:  # PyTorch raises errors of many kinds on damaged files
        cause = "it holds more than tensors and numbers" if isinstance(error, UnpicklingError) else reason(error)
        raise damaged(path.parent, cause) from error
    if not isinstance(state, dict) or not isinstance(state.get("settings"), dict):
        raise damaged(path.parent, "it lacks its settings")
    if not all(isinstance(name, str) for name in (*state, *state["settings"])):
        raise damaged(path.parent, "a name in it is no text")
    return state


def _shortened(setting: object) -> str:
    """A setting as text, with a sha256 cut to its first digits, and any other text where it is long."""
    text = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1", str(setting))
    return text if len(text) <= PATH_CHARACTERS else shortened(text, PATH_CHARACTERS)
