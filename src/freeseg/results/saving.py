"""Writing results in the background, while the model works on the next photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from freeseg.errors import PhotoError
from freeseg.results.segmentation import Segmentation

NamedOutcome: TypeAlias = tuple[str, Segmentation | PhotoError]


def save_in_background(outcomes: Iterable[NamedOutcome], folder: str | Path) -> Iterator[NamedOutcome]:
    """Write results in another thread, and pass each on once its files are written, in order.

    At most one result is being written while the next one is asked for.

    Args:
        outcomes: Stems, as `Segmentation.save` takes them, each with the result or the error that `FreeSeg.stream`
            gave. Errors are passed on, and nothing is written for them.
        folder: Where the files go.

    Raises:
        OutputError: A file cannot be written.

    Example:
        >>> import freeseg, numpy as np, tempfile
        >>> photos = {"first": np.zeros((40, 60, 3), np.uint8), "second": np.ones((40, 60, 3), np.uint8)}
        >>> results = freeseg.load().stream(photos.values(), "cat, dog")
        >>> [stem for stem, _ in save_in_background(zip(photos, results), tempfile.mkdtemp())]
        ['first', 'second']
    """

    def save(stem: str, outcome: Segmentation | PhotoError) -> NamedOutcome:
        if isinstance(outcome, Segmentation):
            outcome.save(folder, stem)
        return stem, outcome

    with ThreadPoolExecutor(1) as writer:
        being_written: Future[NamedOutcome] | None = None
        for stem, outcome in outcomes:
            if being_written:
                yield being_written.result()
            being_written = writer.submit(save, stem, outcome)
        if being_written:
            yield being_written.result()
