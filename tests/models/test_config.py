"""config.json: what is written is what version 0.1.0 wrote, to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from freeseg.errors import WeightsError
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


WRONG: list[Any] = [None, -1, 1e400, "x", [], {}, True, [[]], {"x": {"x": 1}}]


@pytest.mark.parametrize("entry", sorted(json.loads((KEPT / "every-field" / CONFIG).read_text()).keys() - {"format"}))
def test_an_entry_of_another_kind_is_named(tmp_path: Path, entry: str) -> None:
    raw = json.loads((KEPT / "every-field" / CONFIG).read_text())
    said = []
    for value in WRONG:
        (tmp_path / CONFIG).write_text(json.dumps({**raw, entry: value}))
        try:
            read_config(tmp_path)  # a value of the right kind may be among them
        except WeightsError as error:
            said.append(str(error))
    assert len(said) >= 6
    for line in said:
        assert line.startswith((f"{tmp_path / CONFIG}: {entry}", f"{tmp_path / CONFIG} is incomplete ("))
        assert line.endswith("; write the model again")
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize("part", ["preprocessing", "decision"])
def test_a_number_of_another_kind_is_named(tmp_path: Path, part: str) -> None:
    raw = json.loads((KEPT / "every-field" / CONFIG).read_text())
    for name in raw[part]:
        for value in (None, "x", [], {}, True, float("nan"), float("inf")):
            (tmp_path / CONFIG).write_text(json.dumps({**raw, part: {**raw[part], name: value}}))
            if name == "resample" and value == "x":
                continue
            with pytest.raises(WeightsError, match=f"^{tmp_path / CONFIG}: {name} is .*; it must be "):
                read_config(tmp_path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "1" * 5_000, "NaN", "", "\x00"])
def test_json_that_nobody_can_have_meant(tmp_path: Path, content: str) -> None:
    (tmp_path / CONFIG).write_text(content)
    with pytest.raises(WeightsError) as caught:
        read_config(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 500


def test_sources_are_counts(tmp_path: Path) -> None:
    raw = json.loads((KEPT / "every-field" / CONFIG).read_text())
    for sources in ({"photos": "many"}, 3, ["photos"]):
        (tmp_path / CONFIG).write_text(json.dumps({**raw, "training": {"sources": sources}}))
        with pytest.raises(WeightsError, match=r"training\.sources is .*; it must be names with a whole number each"):
            read_config(tmp_path)
