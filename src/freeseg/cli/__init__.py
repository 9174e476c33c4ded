"""The command line: `freeseg COMMAND`. One file per command; heavy imports happen inside the commands."""

from __future__ import annotations

import _thread
import inspect
import io
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from itertools import pairwise
from types import FrameType
from typing import Annotated, Any

import typer

import freeseg
from freeseg.cli.compare import compare
from freeseg.cli.dataclass_options import Command, path_flags, with_options
from freeseg.cli.embed import embed
from freeseg.cli.evaluate import evaluate
from freeseg.cli.export import export
from freeseg.cli.fetch import fetch
from freeseg.cli.heatmap import heatmap
from freeseg.cli.label import label
from freeseg.cli.models import models
from freeseg.cli.output import error_text, say
from freeseg.cli.pretrain import pretrain
from freeseg.cli.push import push
from freeseg.cli.query import query
from freeseg.cli.segment import segment
from freeseg.cli.segment_large import segment_large
from freeseg.cli.serve import serve
from freeseg.cli.train import train
from freeseg.errors import FreeSegError, reason
from freeseg.extras import EXTRAS, missing_message
from freeseg.files import path_for_message

app = typer.Typer(
    help="Segment photos by words, with models that were trained without annotated masks.",
    epilog="freeseg COMMAND --help explains the options of a command and ends with examples.",
    context_settings={"max_content_width": 120},
    rich_markup_mode=None,  # a bracket in a help text is a bracket
    pretty_exceptions_enable=False,
)
STOPPED = 130  # the exit code of a program that Ctrl-C ended
AGAIN_SECONDS = 0.05
TERMINATED = 143  # the exit code of a program that SIGTERM ended
# What a wrong command line raises; of that kind, typer exports the last in the line only.
_UsageError: Any = typer.BadParameter.__mro__[1]
COMMANDS: tuple[Command, ...] = (
    segment,
    segment_large,
    heatmap,
    label,
    embed,
    query,
    train,
    pretrain,
    evaluate,
    compare,
    export,
    serve,
    models,
    fetch,
    push,
)


def _add(command: Command) -> None:
    """Add a command; the examples in its docstring end its help, a line each."""
    text, _, examples = (inspect.getdoc(command) or "").partition("\nExamples:\n")
    app.command(help=text.strip(), epilog=f"\b\nExamples:\n{examples}")(with_options(command))


for _command in COMMANDS:
    _add(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"freeseg {freeseg.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass  # the option's callback has answered


def main() -> None:
    """Run the command line. A user's mistake becomes one line on stderr and exit code 1.

    SIGTERM stops a command as Ctrl-C does: what is being written is finished or removed first.
    """
    terminated: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        terminated.append(number)
        raise KeyboardInterrupt

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # names of files and labels hold what a terminal may not
    warnings.showwarning = _show_warning
    before = signal.signal(signal.SIGTERM, stop)
    hook, sys.unraisablehook = sys.unraisablehook, _hear_again
    try:
        _refuse_empty_paths(sys.argv[1:])
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except KeyboardInterrupt:  # before typer listens, or after
        code = STOPPED
    except FreeSegError as error:
        sys.exit(error_text(error))
    except _UsageError as error:
        sys.exit(error_text(error.format_message()))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        sys.exit(error_text(missing_message(missing)))
    except OSError as error:  # of a file of ours it would be a FreeSegError
        sys.exit(error_text(_unwritable(error)))
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.unraisablehook = hook
    if code == STOPPED:
        say("freeseg: stopped; what was finished is kept", err=True)
        code = TERMINATED if terminated else STOPPED
    sys.exit(code)


def _hear_again(swallowed: sys.UnraisableHookArgs) -> None:
    """Let a Ctrl-C that came where Python lets no exception out, as in the callback of a weak reference, come again."""
    if issubclass(swallowed.exc_type, KeyboardInterrupt):
        threading.Timer(AGAIN_SECONDS, _thread.interrupt_main).start()  # from here it would be swallowed again
    else:
        sys.__unraisablehook__(swallowed)


def _unwritable(error: OSError) -> str:
    """What to say of an error of the system that nobody expected: mostly, that what is printed cannot be written."""
    if error.filename is not None:
        return f"{path_for_message(error.filename)} cannot be used: {reason(error)}; check it and your right to it"
    return f"what this command prints cannot be written: {reason(error)}; what it wrote to files is kept"


def _refuse_empty_paths(arguments: Sequence[str]) -> None:
    """Refuse an empty text where a path is expected: it would be taken for the current folder."""
    if "" not in arguments:
        return
    before_path = set().union(*(path_flags(with_options(command)) for command in COMMANDS))
    for before, argument in pairwise(arguments):
        if not argument and (not before.startswith("-") or before in before_path):
            raise FreeSegError('an argument is empty (""); give it a value, or leave it and its option out')


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in the code that it comes from."""
    say(error_text(f"warning: {message}"), err=True)
