"""The help of every command: quick to show, and its examples run as they stand there."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer

from commands import Run
from example_files import draw_example_files
from exports import saved_model
from freeseg import loading
from freeseg.cli import app
from freeseg.models import DEFAULT, EMBEDDED
from freeseg.pipeline import FreeSeg
from freeseg.serve.running import StoppableServer
from freeseg.words import embedding_cache
from networks import tiny_network
from tiny import tell_patches_apart

PROGRAM: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = PROGRAM.commands
NETWORK = "# needs a network"
TINY = "tiny"  # the folder of a tiny network
# What makes an example small enough for a test; an option that is given twice has its last value.
QUICK = {
    "train": "--epochs 1 --self-training 0 --batch-size 2 --side 64 --encoder segmentation-lite0 --device cpu",
    "pretrain": "--epochs 1 --batch-size 2 --image-tower efficientnet-lite0 --distill 0",
    "export": f"--model {TINY}",
    "evaluate": "--limit 1 --readers 0",
    "label": "--workers 1",
    "serve": "--port 0",
}
NEEDS = {"query": "embed", "train": "label", "compare": "evaluate"}  # command -> whose examples it needs
SHOW = """
import sys
from freeseg.cli import main
for arguments in [["--help"], *([name, "--help"] for name in sys.argv[1:])]:
    sys.argv = ["freeseg", *arguments]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended.code
print("LOADED", *sys.modules)
"""


def examples(command: str) -> list[str]:
    """The examples at the end of a command's help."""
    lines = [line.strip() for line in COMMANDS[command].epilog.splitlines()]
    return [line for line in lines if line.startswith("freeseg ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples name."""
    return draw_example_files(tmp_path_factory.mktemp("examples"), photos=5)


@pytest.fixture(scope="module", autouse=True)
def loaded_once(folder: Path) -> Iterator[None]:
    """A model that ships with FreeSeg is loaded once for all examples, and so is a tiny one, to be exported."""
    load, tiny = loading.load, saved_model(folder / TINY, tell_patches_apart(tiny_network().eval()))

    @cache
    def load_shipped(**options: Any) -> FreeSeg:
        return load(**options)

    def load_any(model: str | Path = DEFAULT, **options: Any) -> FreeSeg:
        if model == TINY:
            return tiny
        return (load_shipped if model in EMBEDDED else load)(model=model, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "load", load_any)
        patch.setattr(embedding_cache, "WORTH_SECONDS", 0)  # the background words are embedded once
        yield


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW, *COMMANDS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text, _, loaded = done.stdout.rpartition("LOADED")
    assert text.count("Usage: ") == 1 + len(COMMANDS)
    heavy = {"torch", "transformers", "numpy", "PIL", "safetensors", "onnxruntime", "fastapi", "uvicorn"}
    assert not heavy & set(loaded.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples_on_lines_of_their_own(command: str, run: Run) -> None:
    shown = run(command, "--help").out
    text, _, ending = shown.partition("\n  Examples:\n")
    assert COMMANDS[command].help.split()[0] in text
    assert [line.strip() for line in ending.splitlines() if line.strip()] == examples(command)
    assert all(line.startswith(f"freeseg {command}") for line in examples(command))


@pytest.mark.parametrize("line", [line for command in COMMANDS for line in examples(command)])
def test_an_example_can_be_parsed(line: str) -> None:
    _, command, *arguments = shlex.split(line, comments=True)
    COMMANDS[command].make_context(command, arguments)


class TestExamples:
    """In this process, in a folder with the files that they name."""

    done: ClassVar[set[str]] = set()

    @pytest.fixture(autouse=True)
    def stopped_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def stop(server: StoppableServer) -> None:
            server.stop()

        monkeypatch.setattr(StoppableServer, "main_loop", stop)

    @pytest.fixture(autouse=True)
    def here(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)

    @pytest.mark.slow
    @pytest.mark.parametrize("command", [name for name in COMMANDS if not all(NETWORK in x for x in examples(name))])
    def test_examples_run(self, command: str, run: Run) -> None:
        self._run_all(command, run)

    def _run_all(self, command: str, run: Run) -> None:
        """Run the examples of a command, and before them those that make what it reads."""
        if command in self.done:
            return
        if command in NEEDS:
            self._run_all(NEEDS[command], run)
        for line in examples(command):
            if NETWORK not in line:
                quick = "" if "--format parquet" in line else QUICK.get(command, "")
                words = shlex.split(f"{line} {quick}")
                ended = run(*words[1:])
                assert ended.code == 0, f"{line}: {ended.err}"
        self.done.add(command)
