"""Errors a user can act on: one line that names the cause and the fix."""

from __future__ import annotations

REASON_CHARACTERS = 200


class FreeSegError(Exception):
    """Something the user can put right. The command line prints it as one line, without a traceback."""


class PhotoError(FreeSegError):
    """A photo that cannot be read."""


class LabelError(FreeSegError):
    """Labels that cannot be used."""


class WeightsError(FreeSegError):
    """Weights that are missing, altered, or not of the kind that was asked for."""


class OutputError(FreeSegError):
    """A result that cannot be written where it was asked for."""


class DataError(FreeSegError):
    """A dataset that is not in the layout it should be in."""


def reason(error: BaseException) -> str:
    """What is behind an error of an exporter or a runtime, in one line: they wrap the cause in pages of their own.

    Example:
        >>> reason(ValueError("no such size:\\n  -1\\n"))
        'no such size: -1'
    """
    while error.__cause__ is not None:
        error = error.__cause__
    return (" ".join(str(error).split()) or type(error).__name__)[:REASON_CHARACTERS]
