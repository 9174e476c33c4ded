"""Which files of a model are required; what is missing is named."""

from __future__ import annotations

import pytest

from freeseg.errors import WeightsError
from freeseg.models.hub import required_files
from hub_server import NEEDED, WHOLE

SHARDS = ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"]
INDEX = "model.safetensors.index.json"


def refused(names: list[str]) -> str:
    with pytest.raises(WeightsError) as caught:
        required_files(names, "mine")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_only_what_is_needed() -> None:
    """And safetensors rather than pickles."""
    assert required_files(WHOLE, "mine") == list(NEEDED)


def test_the_config_that_others_are_compared_with() -> None:
    assert "open_clip_config.json" in required_files([*WHOLE, "open_clip_config.json"], "mine")


class TestShards:
    def test_all_of_them_and_their_index(self) -> None:
        names = ["config.json", INDEX, *reversed(SHARDS), "model.fp16-00001-of-00002.safetensors"]
        assert required_files(names, "mine") == ["config.json", INDEX, *SHARDS]

    @pytest.mark.parametrize("lost", SHARDS)
    def test_a_missing_one_is_named(self, lost: str) -> None:
        message = refused(["config.json", INDEX, *(name for name in SHARDS if name != lost)])
        assert message.startswith(f"mine lacks {lost};")

    def test_an_index_alone(self) -> None:
        assert "mine lacks model-00001-of-00001.safetensors" in refused(["config.json", INDEX])

    def test_of_a_pickle(self) -> None:
        parts = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
        names = ["config.json", "pytorch_model.bin.index.json", *parts]
        assert required_files(names, "mine") == names
        assert "lacks pytorch_model-00002-of-00002.bin" in refused(names[:-1])


class TestPickles:
    @pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "a.pt", "b.ckpt"])
    def test_of_another_format_are_refused(self, name: str) -> None:
        message = refused(["config.json", name])
        assert f"as a pickle of another format only ({name})" in message
        assert "can run code" in message
        assert "convert it" in message

    def test_of_transformers_are_taken_where_there_is_nothing_else(self) -> None:
        names = ["config.json", "pytorch_model.bin", "tf_model.h5", "merges.txt"]
        assert required_files(names, "mine") == ["config.json", "pytorch_model.bin", "merges.txt"]


class TestMissing:
    def test_config(self) -> None:
        assert "mine holds no config.json" in refused(["model.safetensors"])
        assert "open_clip's own format" in refused(["open_clip_config.json", "open_clip_model.safetensors"])

    @pytest.mark.parametrize("other", [[], ["tf_model.h5"], ["open_clip_model.safetensors"], ["onnx/decoder.bin"]])
    def test_weights(self, other: list[str]) -> None:
        assert "mine holds no model.safetensors" in refused(["config.json", *other])
