"""Text and tables in Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

# What Markdown would take for markup. An underscore inside a word is none, and names of photos are full of them.
SPECIAL = re.compile(r"([\\`*\[\]|~#]|(?<![^\W_])_|_(?![^\W_]))")


def escape(text: object) -> str:
    r"""A text from outside, such as a file name, so that Markdown shows it as it is: no markup, no HTML, one line.

    Example:
        >>> escape("<b> *x*")
        '&lt;b&gt; \\*x\\*'
    """
    return html.escape(SPECIAL.sub(r"\\\1", " ".join(str(text).split())), quote=False)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, markup: bool = False) -> list[str]:
    r"""The lines of a table: the first column holds words, the others numbers.

    Args:
        heads: The heads of the columns.
        rows: The cells of each row.
        markup: Whether the cells may hold Markdown; otherwise it is escaped.

    Example:
        >>> table(["class", "IoU"], [["a|b", "1.0"]])
        ['| class | IoU |', '|---|--:|', '| a\\|b | 1.0 |']
    """
    lines = ["| " + " | ".join(map(str if markup else escape, cells)) + " |" for cells in (heads, *rows)]
    return [lines[0], "|---|" + "--:|" * (len(heads) - 1), *lines[1:]]
