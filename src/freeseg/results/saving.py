"""Writing results in the background, while the model works on the next photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from freeseg.errors import OutputError, PhotoError
from freeseg.results.segmentation import Segmentation

NamedOutcome: TypeAlias = tuple[str, Segmentation | PhotoError | OutputError]


def save_in_background(
    outcomes: Iterable[NamedOutcome], folder: str | Path, *, overwrite: bool = False
) -> Iterator[NamedOutcome]:
    """Write results in another thread, and pass each on once its files are written, in order.

    At most one result is being written while the next one is asked for. Of a result that cannot be written, the
    OutputError is passed on instead, so that it does not cost the others.

    Args:
        outcomes: Stems, as `Segmentation.save` takes them, each with the result or the error that `FreeSeg.stream`
            gave. Errors are passed on, and nothing is written for them.
        folder: Where the files go.
        overwrite: As `Segmentation.save` takes it.

    Example:
        >>> import freeseg, numpy as np, tempfile
        >>> photos = {"first": np.zeros((40, 60, 3), np.uint8), "second": np.ones((40, 60, 3), np.uint8)}
        >>> results = freeseg.load().stream(photos.values(), "cat, dog")
        >>> [stem for stem, _ in save_in_background(zip(photos, results), tempfile.mkdtemp())]
        ['first', 'second']
    """

    def save(stem: str, outcome: Segmentation | PhotoError | OutputError) -> NamedOutcome:
        if isinstance(outcome, Segmentation):
            try:
                outcome.save(folder, stem, overwrite=overwrite)
            except OutputError as error:
                return stem, error
        return stem, outcome

    with ThreadPoolExecutor(1) as writer:
        being_written: Future[NamedOutcome] | None = None
        for stem, outcome in outcomes:
            if being_written:
                yield being_written.result()
            being_written = writer.submit(save, stem, outcome)
        if being_written:
            yield being_written.result()
