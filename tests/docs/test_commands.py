"""Every command line that the documentation shows, against the options that the commands have."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer

import documented
from freeseg.cli import app

PROGRAM: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = dict(PROGRAM.commands)
OPTIONS = {
    name: {spelling for option in command.params for spelling in (*option.opts, *option.secondary_opts)} | {"--help"}
    for name, command in COMMANDS.items()
}
SHOWN = [
    pytest.param(words, id=f"{block.page}:{block.line} {' '.join(words)[:60]}")
    for page in documented.pages()
    for block in documented.blocks(page)
    if block.language in documented.SHELL
    for words in documented.command_lines(block.code)
    if words[:1] == ["freeseg"]
]


@pytest.mark.parametrize("words", SHOWN)
def test_a_command_of_a_block_can_be_run(words: list[str]) -> None:
    _, name, *arguments = words
    assert name in COMMANDS
    if any(word.startswith("$") for word in arguments):  # a variable of the shell may be any of the choices
        assert {word for word in arguments if word.startswith("-")} <= OPTIONS[name]
    elif "--help" not in arguments:
        COMMANDS[name].make_context(name, arguments)  # an option that is missing, unknown or of no value is refused


@pytest.mark.parametrize("page", documented.pages())
def test_commands_and_options_within_sentences_are_there(page: str) -> None:
    every = set.union(*OPTIONS.values())
    for span in documented.spans(page):
        words = shlex.split(span) if span.count('"') % 2 == 0 and "'" not in span else span.split()
        if words[:1] == ["freeseg"] and len(words) > 1 and words[1] != "COMMAND":
            assert words[1] in COMMANDS or words[1].startswith("-"), span
            known = OPTIONS.get(
                words[1], {"--help", *(spelling for option in PROGRAM.params for spelling in option.opts)}
            )
            assert {word for word in words if word.startswith("--")} <= known, span
        elif words and words[0].startswith("--"):
            assert {word for word in words if word.startswith("--")} <= every | OTHER_PROGRAMS, span


OTHER_PROGRAMS = {"--cost", "--data", "--quick", "--voc", "--table", "--work", "--constraint", "--editable", "--tower"}
