"""Errors a user can act on: one line that names the cause and the fix."""

from __future__ import annotations

REASON_CHARACTERS = 200
SHOWN_CHARACTERS = 40  # of a name or a value in an error
PATH_CHARACTERS = 200  # of what may be a path


class FreeSegError(Exception):
    """Something the user can put right. The command line prints it as one line, without a traceback."""


class PhotoError(FreeSegError):
    """A photo that cannot be read."""


class LabelError(FreeSegError):
    """Labels that cannot be used."""


class WeightsError(FreeSegError):
    """Weights that are missing, altered, or of another kind than the one asked for."""


class OutputError(FreeSegError):
    """A result that cannot be written where it was asked for."""


class FullDiskError(OutputError):
    """A result that cannot be written because the disk, or the user's share of it, is full."""


class DataError(FreeSegError):
    """A dataset that cannot be read, or whose files are not laid out as expected."""


def one_line(text: object) -> str:
    r"""Text with every run of white space, line breaks among it, as one space.

    Example:
        >>> one_line("no such size:\n  -1\n")
        'no such size: -1'
    """
    return " ".join(str(text).split())


def reason(error: BaseException) -> str:
    r"""Why something failed, as one line of at most `REASON_CHARACTERS` characters, to be put into a message.

    The first cause of a chain of exceptions is told, since libraries wrap it in pages of their own. An error of the
    system is told in the system's words, without its number and its path.

    Example:
        >>> reason(ValueError("no such size:\n  -1\n"))
        'no such size: -1'
        >>> reason(FileNotFoundError(2, "No such file or directory", "a.jpg"))
        'No such file or directory'
        >>> reason(TimeoutError())
        'TimeoutError'
    """
    while error.__cause__ is not None:
        error = error.__cause__
    words = error.strerror if isinstance(error, OSError) and isinstance(error.strerror, str) else error
    return (one_line(words) or type(error).__name__)[:REASON_CHARACTERS]


def shortened(value: object, most: int = SHOWN_CHARACTERS) -> str:
    """A name in quotes, or another value as Python writes it, cut where it is long, for an error.

    Args:
        value: What is shown.
        most: How many characters of it; a path, whose end says most, loses its middle.

    Example:
        >>> shortened("cat"), shortened(1.5)
        ("'cat'", '1.5')
        >>> len(shortened("a" * 5_000)) < 50
        True
        >>> shortened("/photos/holiday/cat", 12)
        "'/phot...y/cat'"
    """
    if isinstance(value, str):
        return repr(_cut(value, most))
    try:
        return _cut(str(value) if isinstance(value, float) else repr(value), most)
    except ValueError:  # Python writes no numbers of more than 4300 digits
        return "a very large number"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    kept = (most - 2) // 2 if "/" in text else 0
    return f"{text[: most - kept]}...{text[len(text) - kept :]}"
