"""The command reference, written from the commands themselves so that it cannot go stale."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import typer

from freeseg.cli import app

INTRODUCTION = """\
# Command reference

This page is generated from the commands. It says the same as `freeseg COMMAND --help`.

A mistake in a command line, a photo that cannot be read or a model that is not there is answered by one line on the
error output and exit code 1. `Ctrl-C` ends a command with exit code 130, and `SIGTERM` with 143; what was finished is
kept, and no half-written file is left.

`--out` is `out` if you leave it out, where the files are for you to look at. Where another command reads them (masks,
models, reports), you must name the folder.

`freeseg --version` prints the version. `freeseg --install-completion` teaches your shell (bash, zsh, fish, PowerShell)
to complete commands, options and their choices.
"""
STATED = re.compile(r"\s*\[default: (.+)\]$")  # how help states a default that is no plain value
KINDS: Mapping[Any, str] = {str: "text", int: "number", float: "number", bool: ""}


def commands() -> dict[str, Any]:
    """Every command of the program, by name, as typer has built it."""
    program: Any = typer.main.get_command(app)
    return dict(program.commands)


def page() -> str:
    """The whole page, as Markdown."""
    every = commands()
    summary = ["| command | what it does |", "|---|---|"]
    summary += [f"| [`freeseg {name}`](#freeseg-{name}) | {_cell(_summary(each))} |" for name, each in every.items()]
    return "\n".join([INTRODUCTION, *summary, "", *(section(name, each) for name, each in every.items())])


def section(name: str, command: Any) -> str:
    """One command: what it does, its arguments, its options and its examples."""
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    usage = " ".join(["freeseg", name, *map(_placeholder, arguments), "[OPTIONS]"])
    lines = [f"## freeseg {name}", "", _prose(command.help), "", "```text", usage, "```", ""]
    if arguments:
        lines += ["| argument | what it is |", "|---|---|"]
        lines += [f"| `{_placeholder(each)}` | {_cell(each.help)} |" for each in arguments]
        lines.append("")
    lines += ["| option | what it does | default |", "|---|---|---|"]
    lines += [
        f"| {_spelling(each)} | {_cell(STATED.sub('', each.help or ''))} | {_default(each)} |" for each in options
    ]
    lines.append("")
    if command.epilog:
        lines += [_prose(command.epilog), ""]
    return "\n".join(lines)


def _summary(command: Any) -> str:
    return _prose(command.help).split("\n\n")[0].replace("\n", " ")


def _prose(text: str | None) -> str:
    """Help as Markdown: lines that start with `freeseg` or `accelerate` are commands, all others are sentences."""
    out: list[str] = []
    code: list[str] = []
    for line in [*(text or "").replace("\b", "").splitlines(), ""]:
        if line.strip().startswith(("freeseg ", "accelerate ", "$ ")):
            code.append(line.strip().removeprefix("$ "))
            continue
        if code:
            out += ["", "```sh", *code, "```", ""]
            code.clear()
        out.append(line.strip())
    return "\n".join(out).strip()


def _placeholder(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper()
    name = name if argument.nargs == 1 else f"{name}..."
    return name if argument.required else f"[{name}]"


def _spelling(option: Any) -> str:
    """How an option is written, with what it takes: "`--workers NUMBER`"."""
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.secondary_opts:
        return names + " / " + ", ".join(f"`{name}`" for name in option.secondary_opts)
    kind = _kind(option.type_descriptor.annotation)
    return f"{names} {kind}".rstrip()


def _kind(annotation: Any) -> str:
    """What an option takes, in a word: a number, text, a path, or the choices there are."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _choices(inner)
    if origin in (Union, types.UnionType):
        return _kind(next(each for each in inner if each is not type(None)))
    if origin is list:
        return _kind(inner[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choices([each.value for each in annotation])
    return KINDS.get(annotation, getattr(annotation, "__name__", "text").lower())


def _choices(values: Sequence[object]) -> str:
    return " or ".join(filter(None, [", ".join(f"`{each}`" for each in values[:-1]), f"`{values[-1]}`"]))


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if stated := STATED.search(option.help or ""):
        return _cell(stated[1])
    value = option.default.value if isinstance(option.default, Enum) else option.default
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        negative = option.secondary_opts[0] if option.secondary_opts else "off"
        return f"`{option.opts[0]}`" if value else (f"`{negative}`" if negative != "off" else "off")
    return f"`{value}`"


def _cell(text: str | None) -> str:
    """Text for a cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")
