"""Commands that write files, on tiny models and photos, for attackers that kill them or fill their disk.

Every command runs in the folder `work`, beside the folder `inputs`, which it reads. All runs of a command in a new
folder `work` write the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from safetensors.torch import load as load_tensors

from drawn import draw_voc
from hub_server import point_to
from labelled import content, draw_photo
from networks import draw_free_masks
from processes import Started
from tiny_transformers import save_clip, save_dinov2
from traces import Traces

HUB_MODEL = "some/clip"
OF_THE_HUB = ("hub/*/blobs/*.incomplete", "hub/*/trees/tmp*.tmp")  # what huggingface_hub leaves half written
HALF_WRITTEN = ("*.part", *OF_THE_HUB, "*.lock", "*.sqlite-journal")  # of FreeSeg, huggingface_hub and SQLite
# What holds times: caches, and the list of the photos that are done among them.
ANYTHING = ("words/*", "hub/*/refs/*", "hub/.locks/*", "hub/CACHEDIR.TAG")


@dataclass(frozen=True)
class Job:
    """A command that writes files.

    Attributes:
        command: Its words.
        growing: Patterns of files to which lines or rows are added: what is there is how the whole one begins.
        changing: Patterns of files that are written more than once: what is there can be read.
        gone: Patterns of files that are there until the command ends.
        left: Patterns of files that a kill may leave for good.
    """

    command: tuple[str, ...]
    growing: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


MODEL = ("--model", "../inputs/clip")
LABEL = ("label", "../inputs/photos", "--labels", "cat, dog", "--out", "masks", "--format", "coco", *MODEL)
TRAINED = (*("--out", "mine", "--cache", "cache", "--device", "cpu", "--epochs"), "1")
STORES = ("cache/*/rows.bin", "cache/*/keys.txt")
SAVED = ("*/state.pt", "*/curves.png", "*/epoch-*.png")
JOBS = {
    "segment": Job(
        (
            *("segment", "../inputs/photos", "--labels", "cat, dog", "--table", "out/found.csv", *MODEL),
            *("--save", "overlay,mask,json,coco,cutout,labelme"),
        ),
        changing=("out/found.csv",),  # the rows of those photos whose results could be written
    ),
    "segment, repeated": Job(("segment", "../inputs/photos", "--labels", "cat, dog", "--save", "mask,json", *MODEL)),
    "segment-large": Job(
        (
            *("segment-large", "../inputs/field.tif", "--labels", "cat, dog", "--out", "out", "--geojson", *MODEL),
            *("--window", "64", "--overlap", "16"),
        )
    ),
    "heatmap": Job(("heatmap", "../inputs/photos/0.png", "--labels", "cat, dog", *MODEL)),
    "label": Job((*LABEL, "--workers", "1"), growing=("masks/manifest.jsonl",)),
    "label, 2 workers": Job((*LABEL, "--workers", "2"), changing=("masks/manifest.jsonl",)),
    "evaluate": Job(
        (
            *("evaluate", "--dataset", "voc20", "--root", "../inputs/voc", "--out", "out", "--readers", "1", *MODEL),
            *("--short-side", "64"),
        ),
        gone=("out/photos.jsonl",),
    ),
    "pretrain": Job(
        (
            *("pretrain", "../inputs/captioned", "--image-tower", "../inputs/clip", "--attention", "../inputs/dinov2"),
            *("--batch-size", "4", "--trainings", "2", *TRAINED),
        ),
        growing=STORES,
        changing=SAVED,
    ),
    "train": Job(
        (
            *("train", "--images", "../inputs/drawn/photos", "--masks", "../inputs/drawn/masks"),
            *("--teacher", "../inputs/clip", "--encoder", "segmentation-lite0", "--self-training", "1"),
            *("--side", "64", "--batch-size", "2", *TRAINED),
        ),
        growing=(*STORES, "mine/round-1/masks/manifest.jsonl"),
        changing=SAVED,
    ),
    "export --int8": Job(
        ("export", "--labels", "cat, dog", "--int8", "--calibrate", "../inputs/photos", "--out", "onnx")
    ),
    "fetch": Job(("fetch", HUB_MODEL), left=OF_THE_HUB),
}


def keep_apart() -> None:
    """Ask no hub, use no cache of the user's, and one thread; to be called before the first command starts."""
    os.environ.update({"HF_HUB_OFFLINE": "1", "FREESEG_CACHE": "off", "OMP_NUM_THREADS": "1"})


def prepare(root: Path, photos: int = 12) -> Path:
    """Draw what the commands read, in `root/inputs`; gives `root`."""
    inputs = root / "inputs"
    for number in range(photos):
        draw_photo(inputs / "photos" / f"{number}.png", number)
    lines = []
    for number in range(6):
        file = draw_photo(inputs / "captioned" / f"{number}.png", number)
        lines.append(json.dumps({"file": file.name, "captions": [f"cat number {number}"]}) + "\n")
    (inputs / "captioned" / "captions.jsonl").write_text("".join(lines))
    blots = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    Image.fromarray(blots).resize((600, 400)).save(inputs / "field.tif")
    draw_voc(inputs / "voc", copies=3)
    draw_free_masks(inputs / "drawn")
    save_clip(inputs / "clip")
    save_dinov2(inputs / "dinov2")
    return root


@dataclass(frozen=True)
class Place:
    """Where commands run.

    Attributes:
        root: The folder that `prepare` filled.
        hub: The address of a hub that has `HUB_MODEL`; "" where none is needed.
    """

    root: Path
    hub: str = ""

    @property
    def work(self) -> Path:
        """The folder that the commands run in and write to."""
        return self.root / "work"

    def start(self, job: Job, *, file_limit: int | None = None) -> Started:
        """Start a command; no file that it writes can have more bytes than `file_limit`."""
        self.work.mkdir(exist_ok=True)
        return Started(
            _run,
            list(job.command),
            self.root / "traces",
            self.hub,
            file_limit,
            folder=self.work,
            environment={"FREESEG_CACHE": str(self.work / "words"), "OMP_NUM_THREADS": "1"},
            session=True,
            cores=1,
        )

    def empty(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.work, ignore_errors=True)

    def tree(self) -> dict[str, bytes]:
        """Every file that was written, but for caches whose bytes depend on the time."""
        return {name: data for name, data in content(self.work).items() if not _is_of(name, ANYTHING)}


def _run(arguments: list[str], traces: Path, hub: str, file_limit: int | None) -> None:
    """The command line, in a process of its own; what it says does not count as a file."""
    from freeseg.cli import main

    sys.argv = ["freeseg", *arguments]
    if hub:
        patch = pytest.MonkeyPatch()
        point_to(hub, patch)
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(Path.cwd() / "hub"))
    traces.mkdir(exist_ok=True)
    torch.onnx.export = Traces(traces, torch.onnx.export)  # type: ignore[assignment]
    if file_limit is None:
        main()  # which exits
    limits, said = resource.getrlimit(resource.RLIMIT_FSIZE), (io.StringIO(), io.StringIO())
    try:
        with redirect_stdout(said[0]), redirect_stderr(said[1]):
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit or 0, limits[1]))
            main()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        for stream, text in zip((sys.stdout, sys.stderr), said, strict=True):
            stream.write(text.getvalue())


def faults_of(job: Job, found: dict[str, bytes], whole: dict[str, bytes]) -> list[str]:
    """What is wrong with the files of a command that was stopped, given those of one that was not.

    Files under a temporary name are what a kill may leave.
    """
    faults = []
    for name, data in found.items():
        if _is_of(name, HALF_WRITTEN) or whole.get(name) == data:
            continue
        if _is_of(name, job.growing) and whole.get(name, b"").startswith(data):
            continue
        if not _is_of(name, (*job.changing, *job.gone)):
            faults.append(f"{name} is {'no file of the command' if name not in whole else 'not what it should be'}")
        elif problem := _unreadable(name, data):
            faults.append(f"{name} cannot be read: {problem}")
    return faults


def differences(job: Job, found: dict[str, bytes], whole: dict[str, bytes]) -> list[str]:
    """What differs between the files of two runs of a command that came to their end."""
    left = (name for name in found.keys() - whole.keys() if not _is_of(name, job.left))
    names = [f"{name} is left" for name in left]
    names += [f"{name} is missing" for name in whole.keys() - found.keys()]
    both = found.keys() & whole.keys()
    names += [f"{name} is another" for name in both if not _are_same(name, found[name], whole[name])]
    return sorted(names)


def _are_same(name: str, one: bytes, other: bytes) -> bool:
    """Whether two files hold the same: PyTorch's files of the same tensors may have other bytes."""
    if one == other or not name.endswith(".pt"):
        return one == other
    return bool(_plain(READERS[".pt"](one)) == _plain(READERS[".pt"](other)))


def _plain(value: Any) -> Any:
    """What can be compared: tensors as their shapes and bytes."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _is_of(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _unreadable(name: str, data: bytes) -> str:
    """Why a file cannot be read, by the end of its name; "" where it can."""
    try:
        READERS[Path(name).suffix](data)
    except Exception as error:  # readers raise errors of many kinds
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def _lines(data: bytes) -> None:
    """Lines of JSON; the last may be half written."""
    for line in data.splitlines(keepends=True):
        if line.endswith(b"\n"):
            json.loads(line)


def _rows(data: bytes) -> None:
    """A table whose rows are as long as its head."""
    lengths = {len(row) for row in csv.reader(io.StringIO(data.decode("utf-8-sig")))}
    if len(lengths) > 1:
        raise ValueError("a row is longer than another")


READERS: dict[str, Callable[[bytes], Any]] = {
    ".csv": _rows,
    ".json": json.loads,
    ".jsonl": _lines,
    ".jpg": lambda data: Image.open(io.BytesIO(data)).load(),
    ".npy": lambda data: np.load(io.BytesIO(data)),
    ".onnx": onnx.load_from_string,
    ".png": lambda data: Image.open(io.BytesIO(data)).load(),
    ".pt": lambda data: torch.load(io.BytesIO(data), weights_only=True),
    ".safetensors": load_tensors,
}
