"""The README and the pages of the site, as tests read them: blocks of code, commands, and what they mention."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
NOT_RUN = re.compile(r'no-run="([^"]+)"')
SHELL = ("sh", "bash", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        page: The file it stands in, as seen from the root of the repository.
        line: The line of the file on which its code begins.
        language: The first word behind the fence.
        reason: Why the tests do not run it; empty for a block that they run.
        code: What it holds.
    """

    page: str
    line: int
    language: str
    reason: str
    code: str


def pages() -> list[str]:
    """The README and every page of the site, as seen from the root of the repository."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return ["README.md", *(path.relative_to(ROOT).as_posix() for path in found)]


def documents() -> list[str]:
    """Every page, and what else is written for people: contributing, security, the notice, the model cards.

    Not the changelog, which also has the names that things had before.
    """
    at_root = ["CONTRIBUTING.md", "SECURITY.md", "NOTICE"]
    cards = sorted((ROOT / "src" / "freeseg" / "weights").glob("*/README.md"))
    return [*pages(), *at_root, *(path.relative_to(ROOT).as_posix() for path in cards)]


@cache
def text(page: str) -> str:
    """All that a page says."""
    return (ROOT / page).read_text("utf-8")


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order."""
    found = []
    for token in MarkdownIt().parse(text(page)):
        if token.type == "fence" and token.map:
            language, _, rest = token.info.partition(" ")
            marked = NOT_RUN.search(rest)
            assert bool(marked) == ("no-run" in rest), f'{page}:{token.map[0] + 1}: write no-run="the reason"'
            reason = marked.group(1) if marked else ""
            found.append(Block(page, token.map[0] + 2, language, reason, token.content))
    return tuple(found)


def spans(page: str) -> list[str]:
    """The pieces of code within the sentences of a page."""
    inline = [token for token in MarkdownIt().enable("table").parse(text(page)) if token.type == "inline"]
    return [part.content for token in inline for part in token.children or [] if part.type == "code_inline"]


def command_lines(code: str) -> list[list[str]]:
    """The commands of a block of shell code, in words; comments and what a shell does by itself are left out."""
    whole = code.replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in whole.splitlines()]
    return [words for words in lines if words]


def diffs(page: str) -> dict[str, list[str]]:
    """The lines of each file's diff in the diff that a page shows, by the file's path."""
    (code,) = (block.code for block in blocks(page) if block.language == "diff")
    parts = re.split(r"--- .*\n\+\+\+ b/(.*)\n@@\n", code)[1:]
    return {path: lines.splitlines() for path, lines in zip(parts[::2], parts[1::2], strict=True)}


def module_of_diff(path: str, lines: list[str]) -> ModuleType:
    """The module that the diff of a new file adds."""
    assert all(line.startswith("+") for line in lines)
    module = ModuleType(Path(path).stem)
    source = "\n".join(line[1:] for line in lines)
    exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - the page is part of this repository
    return module


def line_of_diff(path: str, lines: list[str]) -> str:
    """The one line that a diff adds to a file that exists; the file must hold the lines around it."""
    around = [line[1:] for line in lines if line.startswith(" ")]
    assert "\n".join(around) in (ROOT / path).read_text("utf-8")
    (added,) = (line[1:].strip() for line in lines if line.startswith("+"))
    return added
