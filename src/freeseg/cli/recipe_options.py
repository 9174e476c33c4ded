"""Options of a command that are the fields of a recipe: their types, defaults and help stand in the recipe alone."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from dataclasses import fields
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

Command = Callable[..., None]


def recipe_options(recipe: type[Any], *, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Give a command an option for each field of a recipe.

    The command takes the recipe as a keyword argument `recipe`. On the command line, the options stand in its place.

    Args:
        recipe: A dataclass whose fields have types that typer knows or are `Literal`s of text, and whose docstring
            describes each of them under "Attributes:".
        without: Fields that get no option, because the command has one of its own that means more.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Tea:
        ...     '''How tea is made.
        ...
        ...     Attributes:
        ...         minutes: How long it draws.
        ...     '''
        ...
        ...     minutes: int = 3
        >>> @recipe_options(Tea)
        ... def brew(*, recipe: Tea) -> None:
        ...     print(recipe)
        >>> brew(minutes=4)
        Tea(minutes=4)
    """
    options = [_option(recipe, name) for name in _names(recipe, without)]

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter.name == "recipe" else [parameter]

        @wraps(command)
        def with_recipe(**values: Any) -> None:
            settings = {option.name: _plain(values.pop(option.name)) for option in options}
            command(recipe=recipe(**settings), **values)

        with_recipe.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_recipe.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
        return with_recipe

    return decorate


def field_help(recipe: type[Any]) -> dict[str, str]:
    """What the docstring of a recipe says of each field, under "Attributes:"."""
    described = (inspect.getdoc(recipe) or "").partition("\nAttributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", described, re.MULTILINE)
    return {name: " ".join(text.replace("`", "").split()) for name, text in entries}


def _names(recipe: type[Any], without: Collection[str]) -> list[str]:
    return [field.name for field in fields(recipe) if field.name not in without]


def _option(recipe: type[Any], name: str) -> inspect.Parameter:
    """A field as a keyword argument of a command, with the option that typer makes of it."""
    kind, default = get_type_hints(recipe)[name], getattr(recipe, name)
    if get_origin(kind) is Literal:  # not every version of typer knows these, but all know enumerations
        choices: Any = StrEnum(name, {choice: choice for choice in get_args(kind)})  # type: ignore[misc]
        kind, default = choices, choices(default)
    annotation = Annotated[kind, typer.Option(help=field_help(recipe).get(name))]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _plain(value: Any) -> Any:
    """A choice as text; any other value as it is."""
    return value.value if isinstance(value, StrEnum) else value
