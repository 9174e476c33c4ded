"""Options of a command that are the fields of a dataclass: their types, defaults and help stand there alone.

A command takes a dataclass as one argument. On the command line, an option for each of its fields stands in its place.
Arguments that are a `Literal` become choices, for every version of typer.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

from freeseg.bounds import OtherNames

Command = Callable[..., None]


@dataclass(frozen=True)
class Without:
    """In the annotation of a dataclass: fields that get no option and keep their defaults."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """In the annotation of a text: the values that it may have, where they are known at run time only."""

    names: tuple[str, ...]


class _Choice(StrEnum):
    """What a user may write for a choice, and the choice that it stands for."""

    meant: str

    def __new__(cls, written: str, meant: str) -> Self:
        choice = str.__new__(cls, written)
        choice._value_, choice.meant = written, meant
        return choice


def with_options(command: Command) -> Command:
    """A command as typer can read it, with an option for each field of the dataclasses that it takes.

    Args:
        command: Each of its parameters is annotated with what typer knows, with a `Literal` of texts, or with a
            dataclass. The fields of a dataclass carry a `typer.Option` in their annotation, or are described in its
            docstring under "Attributes:".

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
        >>> @with_options
        ... def brew(*, tea: Tea) -> None:
        ...     print(tea)
        >>> brew(minutes=4)
        Tea(minutes=4)
    """
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    expanded: dict[str, tuple[type[Any], list[str]]] = {}  # by parameter: the dataclass, and its fields with an option
    for parameter in signature.parameters.values():
        kind, metadata = _split(parameter.annotation)
        if isinstance(kind, type) and is_dataclass(kind):
            options = _field_options(kind, [each for each in metadata if isinstance(each, Without)])
            expanded[parameter.name] = kind, [option.name for option in options]
            parameters += options
        else:
            parameters.append(_option(parameter.name, parameter.annotation, parameter.default))

    @wraps(command)
    def call(**values: Any) -> None:
        arguments = {name: _plain(value) for name, value in values.items()}
        for name, (kind, options) in expanded.items():
            arguments[name] = kind(**{option: arguments.pop(option) for option in options if option in arguments})
        command(**arguments)

    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return call


def path_flags(command: Command) -> set[str]:
    """The flags of a command after which a path comes: those of its paths, and those that take no value.

    Args:
        command: As `with_options` gives it.

    Example:
        >>> from pathlib import Path
        >>> def pack(*, box: Path, name: str, is_gift: bool = False) -> None: ...
        >>> sorted(path_flags(with_options(pack)))
        ['--box', '--is-gift']
    """
    found: set[str] = set()
    for parameter in inspect.signature(command).parameters.values():
        kind, metadata = _split(parameter.annotation)
        if {Path, bool}.isdisjoint((kind, *get_args(kind))):
            continue
        found.add(f"--{parameter.name.replace('_', '-')}")
        for option in (each for each in metadata if isinstance(each, ParameterInfo)):
            stated = [option.default, *(option.param_decls or ())]  # typer takes the first flag for a default at first
            found.update(name for flag in stated if isinstance(flag, str) for name in flag.split("/"))
    return found


def field_help(kind: type[Any]) -> dict[str, str]:
    """What the docstring of a dataclass says of each field, under "Attributes:"."""
    described = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", described, re.MULTILINE)
    return {name: " ".join(text.replace("`", "").split()) for name, text in entries}


def _field_options(kind: type[Any], without: list[Without]) -> list[inspect.Parameter]:
    """The fields of a dataclass as arguments of a command."""
    hints, described = get_type_hints(kind, include_extras=True), field_help(kind)
    left_out = {name for each in without for name in each.names}
    options = []
    for name in (field.name for field in fields(kind) if field.name not in left_out):
        annotation = hints[name]
        if not any(isinstance(each, ParameterInfo) for each in _split(annotation)[1]):
            annotation = Annotated[annotation, typer.Option(help=described.get(name))]
        options.append(_option(name, annotation, getattr(kind, name)))
    return options


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """An argument of a command, its choices as an enumeration: not every version of typer knows literals."""
    kind, metadata = _split(annotation)
    choices = next((each.names for each in metadata if isinstance(each, Choices)), None) or _literal(kind)
    if choices:
        others = next((each.meant for each in metadata if isinstance(each, OtherNames)), {})
        meant = {choice: choice for choice in choices} | {each: to for each, to in others.items() if to in choices}
        members: Any = {written: (written, choice) for written, choice in meant.items()}
        enumeration: Any = _Choice(name, members)
        kind = enumeration | None if type(None) in get_args(kind) else enumeration
        default = enumeration(default) if isinstance(default, str) else default
    for each in metadata:
        if isinstance(each, ParameterInfo):
            shown = copy(each)
            if choices:  # without their other names
                shown.metavar = each.metavar or f"[{'|'.join(choices)}]"
            kind = Annotated[kind, shown]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type, and what `Annotated` says beside it."""
    if get_origin(annotation) is not Annotated:
        return annotation, ()
    kind, *metadata = get_args(annotation)
    return kind, tuple(metadata)


def _literal(kind: Any) -> tuple[str, ...]:
    """The choices of a `Literal`, or of several of them, which may be optional; none for other types."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(choice for each in get_args(kind) for choice in _literal(each))
    return get_args(kind) if get_origin(kind) is Literal else ()


def _plain(value: Any) -> Any:
    """A choice as a text, whatever name was written for it; any other value as it is."""
    return value.meant if isinstance(value, _Choice) else value
