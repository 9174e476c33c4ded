"""The state of a training on disk, and the settings that it may go on with."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from freeseg.errors import FreeSegError
from freeseg.files import write_bytes

FILE = "state.pt"
# A setting's name in FreeSeg 0.1.0 -> its name now.
RENAMED_SETTINGS = {
    "again_rate": "self_training_rate",
    "foreground": "foreground_share",
    "background": "background_share",
}


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
        FreeSegError: The state belongs to a training with other settings; the message names them.

    Example:
        >>> import tempfile
        >>> run = Path(tempfile.mkdtemp())
        >>> write(run, {"tau": 0.5}, {"step": 3})
        >>> read(run, {"tau": 0.5}, torch.device("cpu"))["step"]
        3
    """
    if not (run / FILE).exists():
        return None
    state: dict[str, Any] = torch.load(run / FILE, weights_only=True, map_location=device)
    before = {RENAMED_SETTINGS.get(name, name): value for name, value in state.pop("settings").items()}
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


def _shortened(setting: object) -> str:
    """A setting as text, with a sha256 cut to its first digits."""
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1", str(setting))
