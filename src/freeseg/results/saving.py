"""Results on their way to files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from freeseg.errors import PhotoError
from freeseg.results.segmentation import Segmentation

Outcome: TypeAlias = tuple[str, Segmentation | PhotoError]


def saved(outcomes: Iterable[Outcome], folder: str | Path) -> Iterator[Outcome]:
    """Outcomes of photos once their files are written, in order.

    Another thread writes them, so that a model can look at the next photo meanwhile.

    Args:
        outcomes: Stems, as `Segmentation.save` takes them, and what `FreeSeg.stream` gave; errors are passed on.
        folder: Where the files go.

    Raises:
        OutputError: A file cannot be written.

    Example:
        >>> import freeseg, numpy as np, tempfile
        >>> photos = {"first": np.zeros((40, 60, 3), np.uint8), "second": np.ones((40, 60, 3), np.uint8)}
        >>> results = freeseg.load().stream(photos.values(), "cat, dog")
        >>> [stem for stem, _ in saved(zip(photos, results), tempfile.mkdtemp())]
        ['first', 'second']
    """

    def save(stem: str, outcome: Segmentation | PhotoError) -> Outcome:
        if isinstance(outcome, Segmentation):
            outcome.save(folder, stem)
        return stem, outcome

    with ThreadPoolExecutor(1) as writer:
        writing: Future[Outcome] | None = None
        for stem, outcome in outcomes:
            if writing:
                yield writing.result()
            writing = writer.submit(save, stem, outcome)
        if writing:
            yield writing.result()
