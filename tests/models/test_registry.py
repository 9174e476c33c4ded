"""Models by name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from freeseg.errors import WeightsError
from freeseg.files import sha256
from freeseg.models import DEFAULT, EMBEDDED, TEACHER, embedded_folder, find_model, read_config
from freeseg.models.card import CARD, model_card
from freeseg.models.config import WEIGHTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of an embedded model."""
    return Path(shutil.copytree(embedded_folder(TEACHER), tmp_path / "model"))


class TestRegistry:
    def test_an_unknown_name_lists_the_known_ones(self, tmp_path: Path) -> None:
        for name in ("freeseg-huge", tmp_path, "", "\0"):
            with pytest.raises(WeightsError) as caught:
                find_model(name)
            assert all(known in str(caught.value) for known in EMBEDDED)
            assert len(str(caught.value).splitlines()) == 1

    def test_by_name_and_by_folder(self, folder: Path) -> None:
        assert find_model(DEFAULT) == find_model() == embedded_folder(DEFAULT)
        assert find_model(folder) == find_model(str(folder)) == folder

    @pytest.mark.parametrize("name", EMBEDDED)
    def test_what_ships_is_whole(self, name: str) -> None:
        folder = embedded_folder(name)
        config = read_config(folder)
        assert config.name == name
        assert config.weights_sha256 == sha256(folder / WEIGHTS)
        assert config.licence
        assert (folder / CARD).read_text("utf-8") == model_card(config)


def test_to_find_an_embedded_model_and_its_family_needs_neither_torch_nor_the_hub() -> None:
    code = (
        "import sys\n"
        "from freeseg.models import find_model, read_config\n"
        "from freeseg.models.towers import family_of, zero_shot_family\n"
        "folder = find_model()\n"
        "assert zero_shot_family(folder) is None\n"
        "assert family_of(read_config(folder).towers.image).runs_through_onnx\n"
        "print(*{'torch', 'transformers', 'huggingface_hub', 'safetensors'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
