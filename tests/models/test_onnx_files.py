"""The list of the files that run without PyTorch: what is read is what was written, and nothing else is believed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freeseg.errors import WeightsError
from freeseg.files import bytes_sha256, write_json
from freeseg.models.config import WEIGHTS
from freeseg.models.onnx_files import (
    DESCRIPTION,
    IMAGE,
    IMAGE_INT8,
    TEXT,
    TOKENIZER,
    OnnxFile,
    OnnxFiles,
    has_onnx_files,
    read_onnx_files,
    text_tower_folder,
)

OF = bytes_sha256(b"weights")


@pytest.fixture
def files(tmp_path: Path) -> OnnxFiles:
    """The files of an image side, which hold a word each."""
    for name in (IMAGE, IMAGE_INT8, WEIGHTS):
        (tmp_path / name).write_text("weights" if name == WEIGHTS else name)
    entries = {
        IMAGE: OnnxFile(bytes_sha256(IMAGE.encode()), "float32"),
        IMAGE_INT8: OnnxFile(bytes_sha256(IMAGE_INT8.encode()), "int8"),
    }
    described = OnnxFiles(tmp_path, 384, entries, weights_sha256=OF, stride=8, made={"photos": 3})
    write_json(tmp_path / DESCRIPTION, described.to_json())
    return described


def test_what_is_read_is_what_was_written(files: OnnxFiles) -> None:
    assert has_onnx_files(files.folder)
    assert read_onnx_files(files.folder, weights_sha256=OF) == files


def test_a_text_tower(tmp_path: Path) -> None:
    entries = {TEXT: OnnxFile("12"), TOKENIZER: OnnxFile("34")}
    tower = OnnxFiles(tmp_path, 384, entries, tower_sha256=OF, made={})
    write_json(tmp_path / DESCRIPTION, tower.to_json())
    assert set(tower.to_json()) == {"format", "tower_sha256", "channels", "files", "made"}
    assert read_onnx_files(tmp_path, tower_sha256=OF) == tower


def test_a_file_is_checked_before_it_is_used(files: OnnxFiles) -> None:
    assert files.path(IMAGE) == files.folder / IMAGE
    (files.folder / IMAGE_INT8).write_text("other")
    with pytest.raises(WeightsError, match=r"image\.int8\.onnx was altered"):
        files.path(IMAGE_INT8)
    (files.folder / IMAGE_INT8).unlink()
    with pytest.raises(WeightsError, match="is missing"):
        files.path(IMAGE_INT8)
    with pytest.raises(WeightsError, match=r"lists no text\.onnx"):
        files.path(TEXT)


def test_weights_that_a_graph_reads_from_the_checkpoint_are_checked_with_it(files: OnnxFiles) -> None:
    (files.folder / WEIGHTS).write_text("altered")
    assert files.path(IMAGE_INT8).is_file()
    with pytest.raises(WeightsError, match=r"model\.safetensors was altered"):
        files.path(IMAGE)


def test_files_of_other_weights_are_refused(files: OnnxFiles) -> None:
    with pytest.raises(WeightsError, match="made from other weights"):
        read_onnx_files(files.folder, weights_sha256=bytes_sha256(b"trained anew"))
    with pytest.raises(WeightsError, match="made from other weights"):
        read_onnx_files(files.folder, tower_sha256=OF)


def test_a_folder_without_files(tmp_path: Path) -> None:
    assert not has_onnx_files(tmp_path)
    with pytest.raises(WeightsError, match="has no files to run without PyTorch"):
        read_onnx_files(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [{"files": None}, {"files": {IMAGE: 3}}, {"channels": "many"}, {"stride": []}, {"made": 3}, {"channels": 1e400}],
)
def test_an_incomplete_list(files: OnnxFiles, changed: dict[str, Any]) -> None:
    write_json(files.folder / DESCRIPTION, files.to_json() | changed)
    with pytest.raises(WeightsError, match=f"{DESCRIPTION}: {next(iter(changed))} is .*; it must be "):
        read_onnx_files(files.folder, weights_sha256=OF)


@pytest.mark.parametrize("content", ["", "[]", '{"format": "freeseg-onnx-9"}'])
def test_a_list_of_another_kind(tmp_path: Path, content: str) -> None:
    (tmp_path / DESCRIPTION).write_text(content)
    with pytest.raises(WeightsError, match=r"cannot be read|is not of format"):
        read_onnx_files(tmp_path)


def test_a_sha256_must_be_a_text(files: OnnxFiles) -> None:
    broken = replace(files, files={IMAGE: OnnxFile("12")}).to_json()
    broken["files"][IMAGE]["sha256"] = 12
    (files.folder / DESCRIPTION).write_text(json.dumps(broken))
    with pytest.raises(WeightsError, match=f"{DESCRIPTION}: files is .*; it must be "):
        read_onnx_files(files.folder, weights_sha256=OF)


@pytest.mark.parametrize("name", ["owner/name", "../weights", "", "no-such-tower"])
def test_no_files_for_a_text_tower_that_does_not_ship(name: str) -> None:
    assert text_tower_folder(name) is None


def test_a_list_that_lacks_an_entry(files: OnnxFiles) -> None:
    kept = {name: value for name, value in files.to_json().items() if name != "channels"}
    write_json(files.folder / DESCRIPTION, kept)
    with pytest.raises(WeightsError, match=r"is incomplete \(it lacks 'channels'\)"):
        read_onnx_files(files.folder, weights_sha256=OF)
