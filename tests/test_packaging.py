"""What pyproject.toml says about dependencies, against the code and the two files of constraints."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from freeseg.extras import EXTRAS, TORCH

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FOR_USERS = ("torch", "train", "export", "eval", "heif", "video", "geo", "demo")
HEAVY = {"torch", "transformers", "accelerate", "scipy", "scikit-image", "scikit-learn", "matplotlib", "onnx"}
# Of the releases of PyTorch that may be used, the one that installs as a CPU build wherever the tests run.
NOT_THE_OLDEST = {"torch"}


def requirements(extra: str | None) -> dict[str, Requirement]:
    """What the plain installation or an extra asks for, by name, those of other extras aside."""
    listed = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    parsed = map(Requirement, listed)
    return {canonicalize_name(each.name): each for each in parsed if each.name != "freeseg"}


def pinned(file: str) -> dict[str, Version]:
    """The versions in a file of constraints."""
    lines = [line for line in (ROOT / file).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    parts = [line.split("==") for line in lines]
    return {canonicalize_name(name): Version(version) for name, version in parts}


def test_the_plain_installation_is_light() -> None:
    assert not HEAVY & set(requirements(None))


@pytest.fixture(scope="module")
def distributions() -> Mapping[str, list[str]]:
    """The distributions that bring a package, by its name."""
    return {"grpc": ["grpcio"], **packages_distributions()}  # the extra "dev" leaves Ray Serve out


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_the_extra_that_a_message_names_brings_the_package(
    package: str, extra: str, distributions: Mapping[str, list[str]]
) -> None:
    names = {canonicalize_name(name) for name in distributions[package]}
    assert names & set(requirements(extra))


@pytest.mark.parametrize("extra", ["train", "export"])
def test_extras_that_need_pytorch_bring_it(extra: str) -> None:
    assert "freeseg[torch]" in PROJECT["optional-dependencies"][extra]
    assert set(map(canonicalize_name, TORCH)) <= set(requirements("torch"))


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_what_is_tested_with_is_allowed(extra: str | None) -> None:
    newest, oldest = pinned("constraints.txt"), pinned("constraints-oldest.txt")
    for name, requirement in requirements(extra).items():
        assert newest[name] in requirement.specifier
        assert oldest[name] in requirement.specifier


@pytest.mark.parametrize("extra", [None, *FOR_USERS])
def test_the_oldest_allowed_versions_are_tried(extra: str | None) -> None:
    """A bound that no test has tried would be a guess."""
    oldest = pinned("constraints-oldest.txt")
    for name, requirement in requirements(extra).items():
        if name not in NOT_THE_OLDEST:
            (bound,) = requirement.specifier
            assert bound.operator in (">=", "==")
            assert oldest[name] == Version(bound.version), (
                f"{name} is tried from {oldest[name]} on, not {bound.version}"
            )
