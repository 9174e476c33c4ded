"""Files that hold the results of all photos of a run: a table, a COCO dataset, a CVAT archive, the classes of YOLO.

They are written when the run ends, also when it is stopped, and never over a file that FreeSeg did not write.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from freeseg.errors import OutputError
from freeseg.files import path_for_message

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

_HEAD_BYTES = 4_096


class RunFile(Protocol):
    """A file that grows with the run.

    Attributes:
        path: Where it will be.
        holds_results: Whether the results of all photos stand in it, so that none can be left out because it was done
            before.
    """

    path: Path
    holds_results: bool

    def check(self, *, overwrite: bool) -> None:
        """Refuse, before any work, to write over a file that FreeSeg did not write."""

    def add(self, result: Segmentation, stem: str) -> None:
        """Take up a photo's result; `stem` is what its own files are called."""

    def write(self) -> None:
        """Write what was taken up."""


def refuse_foreign(path: Path, mark: bytes, what: str, *, overwrite: bool) -> None:
    """Refuse to write over a file that has no mark of FreeSeg.

    Args:
        path: Where the file will be.
        mark: What stands near the beginning of a file that FreeSeg wrote.
        what: What the file is called in the message.
        overwrite: Whether any file may be written over.

    Raises:
        OutputError: There is another file.

    Example:
        >>> refuse_foreign(Path("no/such/found.json"), b"FreeSeg", "dataset", overwrite=False)
    """
    if overwrite or not path.exists():
        return
    try:
        with path.open("rb") as file:
            own = mark in file.read(_HEAD_BYTES)
    except OSError:
        own = False
    if not own:
        raise OutputError(
            f"{path_for_message(path)} is there, and is no {what} of FreeSeg; name another, or --overwrite"
        )
