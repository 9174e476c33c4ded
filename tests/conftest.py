"""Shared by all tests: a tiny random model, the embedded model, and photos that libraries ship."""

from __future__ import annotations

import pickle
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from PIL import Image

import freeseg
import traces
from exports import PHOTO_LABELS, ExportOnce
from freeseg.export import Exported, export
from freeseg.files import file_lock
from freeseg.labelling import processes as labelling_processes
from freeseg.loading import on_torch
from freeseg.models import TEACHER, Config, Preprocessing, TowerPair
from freeseg.pipeline import FreeSeg
from processes import SERVER
from tiny import tell_patches_apart, tiny_iclip
from traces import shared_folder


def pytest_configure(config: pytest.Config) -> None:
    """Let the fixture of `traces` apply to the doctests in src too, where this file's own do not."""
    config.pluginmanager.register(traces, "traces")


@pytest.fixture
def tiny() -> FreeSeg:
    """A FreeSeg on the tiny model: right shapes, meaningless masks."""
    return on_torch(
        tell_patches_apart(tiny_iclip()), Config("tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(192))
    )


@pytest.fixture(scope="session")
def embedded() -> FreeSeg:
    """The model that FreeSeg gives where nothing is asked for: the segmentation network, in its usual engine."""
    return freeseg.load()


@pytest.fixture(scope="session")
def with_torch() -> FreeSeg:
    """The segmentation network in PyTorch."""
    return freeseg.load(engine="torch")


@pytest.fixture(scope="session")
def teacher() -> FreeSeg:
    """The ICLIP that ships with FreeSeg, in PyTorch."""
    return freeseg.load(TEACHER, engine="torch")


@pytest.fixture(scope="session")
def cat_photo() -> Image.Image:
    """Chelsea the cat, 451 x 300."""
    return Image.fromarray(skimage.data.chelsea())


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three real photos, one of them in a sub-folder."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub").mkdir()
    Image.fromarray(skimage.data.chelsea()).save(folder / "cat.jpg")
    Image.fromarray(skimage.data.coffee()).save(folder / "sub" / "cup.png")
    Image.fromarray(skimage.data.astronaut()).save(folder / "woman.jpg")
    return folder


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that label photos start without the seconds in which an interpreter imports PyTorch."""
    monkeypatch.setattr(labelling_processes, "_SPAWN", SERVER)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow beyond a kilobyte, whoever writes it: what a full disk is to a program."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="session")
def export_once(tmp_path_factory: pytest.TempPathFactory) -> ExportOnce:
    """`export`, done by one process of `pytest -n` for all of them: tracing takes many seconds."""
    shared = shared_folder(tmp_path_factory)

    def call(name: str, model: FreeSeg, labels: str | None = None, **options: Any) -> Exported:
        lock, written = shared / f"{name}.lock", shared / f"{name}.pickle"
        lock.touch()
        with file_lock(lock):
            if not written.exists():
                written.write_bytes(pickle.dumps(export(model, shared / name, labels, **options)))
            done: Exported = pickle.loads(written.read_bytes())  # noqa: S301 - a test's own file
        return done

    return call


@pytest.fixture(scope="session")
def shipped(with_torch: FreeSeg, photo_folder: Path, export_once: ExportOnce) -> Exported:
    """The embedded model with labels built in, in 32 and in 8 bits."""
    return export_once("shipped", with_torch, PHOTO_LABELS, calibrate=photo_folder)


@pytest.fixture(scope="session")
def shipped_open(with_torch: FreeSeg, photo_folder: Path, export_once: ExportOnce) -> Exported:
    """The embedded model for any words, in 32 and in 8 bits."""
    return export_once("shipped-open", with_torch, calibrate=photo_folder)
