"""The examples of the README and of every page are run, in the order in which a page shows them.

A page has a folder of its own with the photos that its examples name, and its blocks of Python share their variables.
Blocks that need what is not here, a network or photos with annotated masks, carry the mark no-run="the reason".
"""

from __future__ import annotations

import doctest
import runpy
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import documented
import freeseg.cli
from documented import Block
from example_files import draw_example_files
from freeseg.labelling import run as labelling
from freeseg.words import embedding_cache


def is_ours(words: Sequence[str]) -> bool:
    """Whether a line of a shell is one that the tests run; pip, make and the like are left out."""
    return words[0] == "freeseg" or (words[0] == "python" and words[1].startswith("examples/"))


def runs(block: Block) -> bool:
    """Whether the tests run a block, or some lines of it."""
    lines = documented.command_lines(block.code) if block.language in documented.SHELL else []
    return not block.reason and (block.language == "python" or any(map(is_ours, lines)))


PAGES = [page for page in documented.pages() if any(runs(block) for block in documented.blocks(page))]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples name: photos, a captioned folder, and a folder of photos with masks."""
    return draw_example_files(tmp_path_factory.mktemp("photographs"))


@pytest.fixture
def workplace(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with those files, in which a page's examples run."""
    shutil.copytree(photographs, tmp_path, dirs_exist_ok=True)
    shutil.copytree(documented.ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(labelling, "default_workers", lambda device: 1)  # a process of its own takes seconds to start
    monkeypatch.setattr(embedding_cache, "WORTH_SECONDS", 0)  # the background words are the same on every page
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("workplace")
def test_examples_of(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in documented.blocks(page):
        if not runs(block):
            continue
        if block.language == "python":
            _run_python(block, names)
        else:
            for words in documented.command_lines(block.code):
                if is_ours(words):
                    _run_command(block, words, monkeypatch)


def _run_python(block: Block, names: dict[str, Any]) -> None:
    """A block as a program, or as a session whose answers must be those shown."""
    if block.code.startswith(">>>"):
        test = doctest.DocTestParser().get_doctest(block.code, names, block.page, block.page, block.line)
        failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
        names.update(test.globs)
        assert not failed, f"{block.page}:{block.line}"
    else:
        lines = "\n" * (block.line - 1)  # an error names the line of the page
        exec(compile(lines + block.code, documented.ROOT / block.page, "exec"), names)  # noqa: S102


def _run_command(block: Block, words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of a shell, in this process."""
    if words[0] == "freeseg":
        monkeypatch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as ended:
            freeseg.cli.main()
        assert not ended.value.code, f"{block.page}:{block.line}: {' '.join(words)}: {ended.value.code}"
    else:
        monkeypatch.setattr(sys, "argv", list(words[1:]))
        runpy.run_path(words[1], run_name="__main__")


def test_that_marks_have_reasons() -> None:
    reasons = {block.reason for page in documented.pages() for block in documented.blocks(page) if block.reason}
    assert all(len(reason.split()) > 1 for reason in reasons)
