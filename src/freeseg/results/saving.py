"""Writing results in the background, while the model works on the next photo."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from freeseg.errors import OutputError, PhotoError
from freeseg.photos import is_large
from freeseg.results.formats import DEFAULT_FORMATS
from freeseg.results.objects import Objects
from freeseg.results.segmentation import Segmentation

WRITERS = 2  # threads; each holds a result, and most of the work is drawing and compressing

NamedOutcome: TypeAlias = tuple[str, Segmentation | PhotoError | OutputError]


def save_in_background(
    outcomes: Iterable[NamedOutcome],
    folder: str | Path,
    *,
    formats: str | Sequence[str] = DEFAULT_FORMATS,
    overwrite: bool = False,
    objects: Objects | None = None,
) -> Iterator[NamedOutcome]:
    """Write results in other threads, and pass each on once its files are written, in order.

    At most `WRITERS` results are being written while the next one is asked for, and none of a large photo. Of a result
    that cannot be written, or whose photo cannot be decoded in full, the error is passed on instead, so that it does
    not cost the others.

    Args:
        outcomes: Stems, as `Segmentation.save` takes them, each with the result or the error that `FreeSeg.stream`
            gave. Errors are passed on, and nothing is written for them.
        folder: Where the files go.
        formats: As `Segmentation.save` takes them.
        overwrite: As `Segmentation.save` takes it.
        objects: How objects are written, in formats that list objects.

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
                outcome.save(folder, stem, formats=formats, overwrite=overwrite, **asdict(objects or Objects()))
            except (OutputError, PhotoError) as error:
                return stem, error
        return stem, outcome

    with ThreadPoolExecutor(WRITERS) as writers:
        being_written: deque[Future[NamedOutcome]] = deque()
        for stem, outcome in outcomes:
            being_written.append(writers.submit(save, stem, outcome))
            alone = isinstance(outcome, Segmentation) and is_large(outcome.photo.size)
            del outcome  # or it would be held while the next one is asked for
            while being_written and (alone or len(being_written) == WRITERS):
                yield being_written.popleft().result()
        while being_written:
            yield being_written.popleft().result()
