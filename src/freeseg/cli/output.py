"""What the commands print. Nothing else in this folder writes to the terminal.

Names of photos, labels and licences come from strangers. A terminal obeys the escape sequences in them, which can move
its cursor, rename its window or type for the user, and turns lines round at marks of writing direction. So what could
be taken for either is written as an escape.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import typer

from freeseg.errors import one_line

if TYPE_CHECKING:
    from rich.console import Console

ERROR_CHARACTERS = 1_000  # of an error or a warning; a name in it may be as long as somebody likes
_END_CHARACTERS = 300  # of a longer one's end, which says what to do
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_DIRECTIONS = [0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]  # and line separators
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS + _DIRECTIONS}
del _ESCAPES[ord("\n")], _ESCAPES[ord("\t")]


def plain(text: object) -> str:
    r"""Text that a terminal shows and does not obey: line breaks and tabs are left, other controls become escapes.

    Example:
        >>> print(plain("\x1b[2Jcat\r\u202e"))
        \x1b[2Jcat\x0d\u202e
    """
    return str(text).translate(_ESCAPES)


def say(text: object = "", *, err: bool = False) -> None:
    """Print a text and a line break, as `plain` has it.

    What cannot be said on stderr is left out: nothing else would come of stopping the work for it.

    Args:
        text: What is printed.
        err: Whether to stderr.

    Raises:
        OSError: It cannot be written to stdout.
    """
    with suppress(OSError) if err else nullcontext():
        typer.echo(plain(text), err=err)


def error_text(message: object) -> str:
    r"""A message as one line for stderr: what the program is called, and the message, cut in its middle if it is long.

    Example:
        >>> error_text("no model 'x';\n use another")
        "freeseg: no model 'x'; use another"
        >>> len(error_text("a" * 5_000))
        1014
    """
    line = one_line(message)
    if len(line) > ERROR_CHARACTERS:
        line = f"{line[: ERROR_CHARACTERS - _END_CHARACTERS]} ... {line[-_END_CHARACTERS:]}"
    return plain(f"freeseg: {line}")


def console(*, stderr: bool = False) -> Console:
    """A console of rich for tables. Names stand there as they are: no markup, no names of emoji, controls as escapes.

    Args:
        stderr: Whether it writes to stderr.
    """
    from rich.console import Console  # what most commands, and --help, do without
    from rich.text import Text

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(plain(text), **options)  # every text comes here, those in cells of tables as well

    return PlainConsole(stderr=stderr, markup=False, emoji=False)
