"""Options that are the fields of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from freeseg.cli import app
from freeseg.cli.recipe_options import field_help, recipe_options
from freeseg.decision.pooling import POOLINGS
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.teacher.recipe import TeacherRecipe

PROGRAM: Any = typer.main.get_command(app)
RECIPES: dict[str, type[Any]] = {"train": NetworkRecipe, "pretrain": TeacherRecipe}


@dataclass(frozen=True)
class Tea:
    """How tea is made.

    Attributes:
        kind: What is drawn, in `leaves` or
            in a bag.
        minutes: How long it draws.
        milk: Whether there is milk in it.

    Raises:
        Nothing: It is tea.
    """

    kind: Literal["black", "green"] = "black"
    minutes: float = 3.5
    milk: bool = False


def brew(*arguments: str) -> Any:
    """Run a command with the options of `Tea`."""
    program = typer.Typer()

    @program.command()
    @recipe_options(Tea)
    def command(*, cups: int = 1, recipe: Tea) -> None:
        """Make tea."""
        typer.echo(f"{cups} {recipe}")

    return CliRunner().invoke(program, arguments)


def test_the_command_gets_the_recipe() -> None:
    assert brew().output == f"1 {Tea()}\n"
    done = brew("--kind", "green", "--minutes", "2", "--milk", "--cups", "3")
    assert done.output == f"3 {Tea('green', 2.0, True)}\n"


@pytest.mark.parametrize("wrong", [("--kind", "red"), ("--minutes", "long"), ("--sugar",)])
def test_what_a_field_does_not_allow_is_refused(wrong: tuple[str, ...]) -> None:
    assert brew(*wrong).exit_code == 2


def test_help_comes_from_the_docstring() -> None:
    assert field_help(Tea) == {
        "kind": "What is drawn, in leaves or in a bag.",
        "minutes": "How long it draws.",
        "milk": "Whether there is milk in it.",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_every_field_is_an_option_with_its_default_and_help(name: str) -> None:
    options = {option.name: option for option in PROGRAM.commands[name].params}
    helps = field_help(RECIPES[name])
    for field in fields(RECIPES[name]):
        option = options[field.name]
        default = getattr(option.default, "value", option.default)
        assert default == field.default, field.name
        assert option.help, field.name
        assert helps[field.name], field.name


@pytest.mark.parametrize("name", RECIPES)
def test_every_option_has_help(name: str) -> None:
    assert all(option.help for option in PROGRAM.commands[name].params)


def test_a_recipe_allows_the_poolings_there_are() -> None:
    assert [TeacherRecipe(pooling=pooling).pooling for pooling in POOLINGS] == list(POOLINGS)  # type: ignore[arg-type]
