"""The files with which the embedded models run without PyTorch, for tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from freeseg.engines.choose import light_files
from freeseg.files import sha256
from freeseg.models import DEFAULT, embedded_folder, read_config
from freeseg.models.onnx_files import DESCRIPTION, OnnxFiles


def text_tower() -> OnnxFiles:
    """The files of the embedded models' text tower."""
    folder = embedded_folder(DEFAULT)
    files = light_files(folder, read_config(folder))
    assert files is not None
    return files.text


def copy_of(folder: Path, to: Path) -> Path:
    """A copy of a folder, to be damaged."""
    return Path(shutil.copytree(folder, to))


def describe_as_it_is(folder: Path, name: str) -> None:
    """Let onnx.json say the sha256 that a file has."""
    described = json.loads((folder / DESCRIPTION).read_text())
    described["files"][name]["sha256"] = sha256(folder / name)
    (folder / DESCRIPTION).write_text(json.dumps(described))
