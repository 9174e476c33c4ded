"""Options that are the fields of a dataclass."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from freeseg.bounds import OtherNames
from freeseg.cli import app
from freeseg.cli.dataclass_options import Choices, Without, field_help, with_options
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
    pot: Annotated[str | None, Choices(("tin", "glass")), typer.Option("--pot", help="In what it is drawn.")] = None


def brew(*arguments: str) -> Any:
    """Run a command with the options of `Tea`."""
    program = typer.Typer()

    @program.command()
    @with_options
    def command(*, cups: int = 1, first: Tea, size: Literal["small"] | Literal["large"] | None = None) -> None:
        """Make tea."""
        typer.echo(f"{cups} {first} {size}")

    return CliRunner().invoke(program, arguments)


def test_the_command_gets_the_dataclass() -> None:
    assert brew().output == f"1 {Tea()} None\n"
    done = brew("--kind", "green", "--minutes", "2", "--milk", "--cups", "3", "--pot", "tin", "--size", "large")
    assert done.output == f"3 {Tea('green', 2.0, True, 'tin')} large\n"


def test_another_name_of_a_choice_is_that_choice() -> None:
    @with_options
    def command(
        *, size: Annotated[Literal["small", "large"], OtherNames({"big": "large", "huge": "giant"})] = "small"
    ) -> None:
        typer.echo(size)

    program = typer.Typer()
    program.command()(command)
    assert [CliRunner().invoke(program, ["--size", size]).output for size in ("big", "large")] == ["large\n"] * 2
    assert CliRunner().invoke(program, ["--size", "huge"]).exit_code == 2  # it stands for no choice


def test_fields_without_an_option_keep_their_defaults() -> None:
    @with_options
    def command(*, tea: Annotated[Tea, Without(("minutes", "pot"))]) -> None:
        typer.echo(tea)

    assert list(inspect.signature(command).parameters) == ["kind", "milk"]


@pytest.mark.parametrize(
    "wrong", [("--kind", "red"), ("--minutes", "long"), ("--sugar",), ("--pot", "wood"), ("--size", "huge")]
)
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
        option = options[field.name]  # pretrain has an attention of its own, with the same default
        default = getattr(option.default, "value", option.default)
        assert default == field.default, field.name
        assert option.help, field.name
        assert helps[field.name], field.name


def test_a_recipe_allows_the_poolings_there_are() -> None:
    assert [TeacherRecipe(pooling=pooling).pooling for pooling in POOLINGS] == list(POOLINGS)  # type: ignore[arg-type]
