"""config.json: what is written is what version 0.1.0 wrote, to the byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freeseg.files import write_json
from freeseg.models import EMBEDDED, TowerPair, embedded_folder, read_config
from freeseg.models.config import CONFIG, full_name

KEPT = Path(__file__).parents[1] / "compatibility" / "v0.1.0"
FOLDERS = [*(embedded_folder(name) for name in EMBEDDED), *(KEPT / name for name in (*EMBEDDED, "every-field"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_what_was_read_is_written_to_the_byte(folder: Path, tmp_path: Path) -> None:
    write_json(tmp_path / CONFIG, read_config(folder).to_json())
    assert (tmp_path / CONFIG).read_bytes() == (folder / CONFIG).read_bytes()


def test_entries_with_a_default_may_be_missing(tmp_path: Path) -> None:
    raw = json.loads((KEPT / "every-field" / CONFIG).read_text())
    for entry in ("mode", "projected", "image_revision", "text_revision", "hidden", "towers", "weights_sha256"):
        del raw[entry]
    write_json(tmp_path / CONFIG, raw)
    config = read_config(tmp_path)
    assert config.towers == TowerPair("owner/image", "owner/text")
    assert (config.hidden, config.towers_sha256, config.weights_sha256) == (0, {}, "")


def test_a_folder_is_kept_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert full_name("model") == full_name("./model") == str(tmp_path / "model")
    assert [full_name(name) for name in ("owner/name", "freeseg-lite", "")] == ["owner/name", "freeseg-lite", ""]
