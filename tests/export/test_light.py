"""A model's light files: they run beside its checkpoint, share its weights, and are listed only when all are there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from safetensors import safe_open
from safetensors.numpy import load_file

from commands import written
from exports import saved_model
from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError, OutputError, WeightsError
from freeseg.export import ExportedLight, light, write_light_files
from freeseg.export.comparison import blurred_noise
from freeseg.export.graph import OpenVocabulary
from freeseg.export.half_storage import halve, stored_halves
from freeseg.export.int8 import KEPT
from freeseg.models import Config, TowerPair
from freeseg.models.config import WEIGHTS
from freeseg.models.onnx_files import DESCRIPTION, IMAGE, IMAGE_INT8, WORDS, read_onnx_files
from freeseg.pipeline import FreeSeg
from freeseg.words import TEMPLATES, default_background
from networks import tiny_network
from tiny import iclip_of, tell_patches_apart, tiny_iclip

TRAINED = ["README.md", "config.json", WEIGHTS]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[FreeSeg, Path]:
    """A tiny network, and the folder that it was trained into."""
    folder = tmp_path_factory.mktemp("trained")
    return saved_model(folder, tell_patches_apart(tiny_network().eval())), folder


@pytest.fixture(scope="module")
def done(network: tuple[FreeSeg, Path], photo_folder: Path) -> ExportedLight:
    """Its files, beside its checkpoint."""
    model, folder = network
    return write_light_files(model, folder, calibrate=photo_folder, command="a test")


@torch.inference_mode()
def in_torch(model: FreeSeg, pixels: torch.Tensor, texts: torch.Tensor) -> np.ndarray:
    return OpenVocabulary(iclip_of(model), model.config.decision)(pixels, texts).numpy()


def some_texts(count: int = 5) -> torch.Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(1))


class TestFiles:
    def test_all_are_listed(self, network: tuple[FreeSeg, Path], done: ExportedLight) -> None:
        model, folder = network
        assert done.folder == folder
        assert written(folder) == sorted([*TRAINED, *done.files, DESCRIPTION])
        files = read_onnx_files(folder, weights_sha256=model.weights_sha256)
        assert [files.path(name).name for name in files.files] == [IMAGE, IMAGE_INT8, WORDS]
        assert (files.stride, files.channels) == (8, 16)
        assert {name: each.precision for name, each in files.files.items()} == {
            IMAGE: "float32",
            IMAGE_INT8: "int8",
            WORDS: "",
        }

    def test_the_record_names_no_folder_of_this_machine(self, done: ExportedLight, photo_folder: Path) -> None:
        text = (done.folder / DESCRIPTION).read_text()
        made = json.loads(text)["made"]
        assert made["command"] == "a test"
        assert made["measured"]["calibration photos"] == {photo_folder.name: 3}
        assert str(photo_folder.parent) not in text

    @pytest.mark.parametrize("size", [(1, 96, 128), (2, 83, 117), (1, 9, 50)])
    def test_the_image_side_is_that_of_pytorch(
        self, network: tuple[FreeSeg, Path], done: ExportedLight, size: tuple[int, int, int]
    ) -> None:
        pixels, texts = blurred_noise(*size), some_texts()
        found = Session(done.folder / IMAGE)(pixels.numpy(), texts.numpy())
        np.testing.assert_allclose(found, in_torch(network[0], pixels, texts), atol=1e-5)

    def test_weights_are_in_the_checkpoint_only(self, done: ExportedLight) -> None:
        proto = onnx.load(done.folder / IMAGE, load_external_data=False)
        outside = [each for each in proto.graph.initializer if each.data_location == TensorProto.EXTERNAL]
        assert {entry.value for each in outside for entry in each.external_data if entry.key == "location"} == {WEIGHTS}
        inside = [each for each in proto.graph.initializer if each.data_location != TensorProto.EXTERNAL]
        assert max(np.prod(each.dims) for each in inside) < 16
        stored = {each.offset: each.values for each in stored_halves(done.folder / WEIGHTS)}
        for each in onnx.load(done.folder / IMAGE).graph.initializer:
            if each.data_type == TensorProto.FLOAT16:
                values = numpy_helper.to_array(each).ravel()
                assert any(np.array_equal(values, other) for other in stored.values())

    def test_background_words(self, network: tuple[FreeSeg, Path], done: ExportedLight) -> None:
        embedded = network[0].engine.embed_words(default_background(), TEMPLATES)
        tensors = load_file(done.folder / WORDS)
        np.testing.assert_array_equal(tensors["joint"], embedded.joint)
        np.testing.assert_array_equal(tensors["tower"], embedded.tower)
        with safe_open(done.folder / WORDS, framework="numpy") as file:
            about = file.metadata()
        assert json.loads(about["words"]) == list(default_background())
        assert json.loads(about["templates"]) == list(TEMPLATES)

    def test_8_bits(self, network: tuple[FreeSeg, Path], done: ExportedLight) -> None:
        assert done.agreement is not None
        assert done.agreement > 0.5
        pixels, texts = blurred_noise(1, 96, 130), some_texts()
        difference = Session(done.folder / IMAGE_INT8)(pixels.numpy(), texts.numpy()) - in_torch(
            network[0], pixels, texts
        )
        assert 0 < np.abs(difference).mean() < 0.1

    def test_the_first_convolutions_are_not_rounded(self, done: ExportedLight) -> None:
        proto = onnx.load(done.folder / IMAGE_INT8)
        made_by = {output: node for node in proto.graph.node for output in node.output}
        rounded = [node.input[1] in made_by for node in proto.graph.node if node.op_type == "Conv"]
        assert not any(rounded[:KEPT])
        assert sum(rounded) > KEPT


class TestCopies:
    def test_a_frozen_tower_is_rounded_in_the_graph(self, tmp_path: Path) -> None:
        model = saved_model(tmp_path / "trained", tell_patches_apart(tiny_iclip()))
        done = write_light_files(model, tmp_path / "trained", tmp_path / "copy")
        assert written(tmp_path / "trained") == TRAINED
        assert written(tmp_path / "copy") == sorted([*TRAINED, IMAGE, WORDS, DESCRIPTION])
        assert (tmp_path / "copy" / WEIGHTS).read_bytes() == (tmp_path / "trained" / WEIGHTS).read_bytes()
        assert (done.agreement, done.tolerance) == (None, light.ROUNDED_TOLERANCE)
        proto = onnx.load(tmp_path / "copy" / IMAGE, load_external_data=False)
        halves = [each for each in proto.graph.initializer if each.data_type == TensorProto.FLOAT16]
        assert {each.data_location == TensorProto.EXTERNAL for each in halves} == {True, False}
        assert all(len(each.dims) == 1 for each in proto.graph.initializer if each.name.endswith("bias"))

    def test_what_is_not_a_number_in_float16_stays_float32(self, tmp_path: Path) -> None:
        (tmp_path / WEIGHTS).write_bytes((2).to_bytes(8, "little") + b"{}")
        values = np.full((4, 8), 1e6, np.float32)
        proto = onnx.ModelProto(graph=onnx.GraphProto(initializer=[numpy_helper.from_array(values, "large")]))
        halved = halve(proto, tmp_path / WEIGHTS)
        assert halved.exact
        assert [each.data_type for each in halved.proto.graph.initializer] == [TensorProto.FLOAT]


class TestRefused:
    def test_the_checkpoint_of_another_model(self, network: tuple[FreeSeg, Path], tmp_path: Path) -> None:
        saved_model(tmp_path / "other", tiny_network(seed=1).eval())
        with pytest.raises(WeightsError, match="does not hold the weights of tiny"):
            write_light_files(network[0], tmp_path / "other")
        assert written(tmp_path / "other") == TRAINED

    def test_a_model_that_looks_through_windows(self, network: tuple[FreeSeg, Path], tmp_path: Path) -> None:
        model, folder = network
        clip = FreeSeg(model.engine, Config("clip", TowerPair("openai/clip-vit-base-patch16", "")))
        with pytest.raises(FreeSegError, match="which needs PyTorch"):
            write_light_files(clip, folder, tmp_path)

    @pytest.mark.usefixtures("done")
    def test_a_full_disk_leaves_no_list(
        self, network: tuple[FreeSeg, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_disk: None
    ) -> None:
        with pytest.raises(OutputError):
            write_light_files(network[0], network[1], tmp_path / "out")
        assert not [name for name in written(tmp_path / "out") if name.endswith(".part") or name == DESCRIPTION]


def test_weights_that_cannot_be_stored_again(tmp_path: Path) -> None:
    for content in (b"", b"no weights", (1 << 40).to_bytes(8, "little") + b"{}", b"\x02" + bytes(7) + b"[]"):
        (tmp_path / "model.safetensors").write_bytes(content)
        with pytest.raises(WeightsError, match=r"cannot be read .*; write the model again"):
            list(stored_halves(tmp_path / "model.safetensors"))
    with pytest.raises(WeightsError, match="No such file"):
        list(stored_halves(tmp_path / "missing.safetensors"))
