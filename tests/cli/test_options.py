"""One flag has one meaning: whatever command it stands in, its help, its choices and its default are the same."""

from __future__ import annotations

import inspect
from collections import defaultdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import pytest
import typer

from commands import Run, one_line
from freeseg import loading
from freeseg.cli import app
from freeseg.models.precisions import SHORT_NAMES
from freeseg.pipeline import FreeSeg

PROGRAM: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = PROGRAM.commands
CALLBACKS = {
    each.callback.__name__.replace("_", "-"): inspect.signature(each.callback) for each in app.registered_commands
}
PARAMETERS = [(name, each) for name, command in COMMANDS.items() for each in command.params]


class Difference(NamedTuple):
    """What a flag does differently in one command, and why."""

    command: str
    flag: str
    differing: set[str]
    reason: str


DIFFERENCES = (
    Difference("segment", "--out", {"default"}, "its files are for people to look at: they may go to ./out"),
    Difference("segment-large", "--out", {"default"}, "its files are for people to look at: they may go to ./out"),
    Difference("embed", "--engine", {"help", "type"}, "it can share its photos out with Ray"),
    Difference("query", "--engine", {"help", "type"}, "the embeddings tell the engine; Ray may share them out"),
    Difference("segment", "--engine", {"help", "type"}, "it can share its photos out with Ray"),
    Difference("label", "--engine", {"help", "type"}, "it can share its photos out with Ray"),
    Difference("serve", "--engine", {"help", "type"}, "it can serve from several processes with Ray"),
    Difference("heatmap", "--out", {"default"}, "its files are for people to look at: they may go to ./out"),
    Difference("export", "--out", {"default"}, "with --light, the files belong beside the model"),
    Difference("export", "--labels", {"default"}, "without labels, the file takes any words"),
    Difference("train", "--readers", {"default"}, "a training needs every core itself where there is no GPU"),
    Difference("train", "--device", {"help", "type", "default"}, "trainings need a GPU; masks must not depend on one"),
    Difference("train", "--precision", {"help", "type", "default"}, "it follows the device"),
    Difference("label", "--precision", {"help", "default"}, "masks must not depend on the processor"),
    Difference("pretrain", "--precision", {"help", "type", "default"}, "a teacher is trained in these two only"),
    Difference("train", "--distill", {"help", "default"}, "it weighs another distillation, of another recipe"),
    Difference("train", "--epochs", {"default"}, "each recipe has its own best value"),
    Difference("train", "--batch-size", {"default"}, "each recipe has its own best value"),
    Difference("train", "--learning-rate", {"default"}, "each recipe has its own best value"),
)


def facts(command: str, option: Any) -> dict[str, Any]:
    """What an option is, apart from its command."""
    default = option.default.value if isinstance(option.default, Enum) else option.default
    return {
        "help": option.help,
        "type": (option.opts, option.secondary_opts, kinds(CALLBACKS[command].parameters[option.name].annotation)),
        "default": "required" if option.required else default,
    }


def kinds(annotation: Any) -> set[Any]:
    """The types or the choices that an option takes; whether it may be left out is another question."""
    if get_origin(annotation) is Annotated:
        return kinds(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {choice.value for choice in annotation}
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return set.union(*map(kinds, parts)) if parts else {annotation}


def flags() -> dict[str, dict[str, dict[str, Any]]]:
    """For each flag and each command that has it: what it is."""
    every: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for command, each in PARAMETERS:
        if each.param_type_name == "option":
            every[max(each.opts, key=len)][command] = facts(command, each)
    return every


@pytest.mark.parametrize(("flag", "commands"), flags().items())
def test_a_flag_means_the_same_everywhere(flag: str, commands: dict[str, dict[str, Any]]) -> None:
    allowed = {each.command: each.differing for each in DIFFERENCES if each.flag == flag}
    alike = {name: each for name, each in commands.items() if name not in allowed}
    first = next(iter(alike.values()))
    for name, own in commands.items():
        assert {fact for fact in own if own[fact] != first[fact]} == allowed.get(name, set()), name


def test_every_difference_is_there_and_has_a_reason() -> None:
    every = flags()
    for difference in DIFFERENCES:
        assert difference.command in every[difference.flag]
        assert len(difference.reason.split()) > 2


@pytest.mark.parametrize(("command", "parameter"), PARAMETERS, ids=[f"{name} {each.name}" for name, each in PARAMETERS])
def test_help_is_a_whole_phrase(command: str, parameter: Any) -> None:
    text = parameter.help
    assert text[0].isupper() or text.startswith("bfloat16"), text
    assert text.endswith((".", "]")), text
    assert len(text.split()) > 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_in_one_sentence_what_it_does(command: str) -> None:
    first = COMMANDS[command].help.splitlines()[0]
    assert first[0].isupper()
    assert "." in first or ":" in first or "," in first
    assert "Examples" not in COMMANDS[command].help


@pytest.mark.parametrize(("written", "meant"), [*SHORT_NAMES.items(), ("float16", "float16"), ("int8", "int8")])
def test_precisions_have_the_names_that_load_takes(
    run: Run, photo: Path, tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    asked: list[Any] = []

    def load(**options: Any) -> FreeSeg:
        asked.append(options["precision"])
        return tiny

    monkeypatch.setattr(loading, "load", load)
    done = run("segment", photo, "-l", "cat", "--precision", written, "-o", photo.parent / "out")
    assert (done.code, done.err) == (0, "")
    assert asked == [meant]


def test_a_precision_of_no_name_is_refused_in_one_line(run: Run, photo: Path) -> None:
    line = one_line(run("segment", photo, "-l", "cat", "--precision", "int3"))
    assert "int3" in line
    assert "float16" in line


@pytest.mark.parametrize("command", ["segment", "label", "train", "pretrain"])
def test_help_shows_one_name_for_each_precision(run: Run, command: str) -> None:
    said = run(command, "--help").out
    assert "float32" in said
    assert "fp32" not in said
