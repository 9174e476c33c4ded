"""Free masks on Ray: the machines of a cluster label the photos that `freeseg.labelling.label` hands out."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

from freeseg.data.free_masks import LABELS
from freeseg.distributed.on_ray import Lost, check_shared, cluster, spread
from freeseg.distributed.plan import check_same_model
from freeseg.errors import OutputError
from freeseg.labelling.photo import LabellingOptions
from freeseg.labelling.processes import Outcome, outcome_of
from freeseg.labelling.tasks import LabellingTask
from freeseg.models import hub
from freeseg.pipeline import FreeSeg


def label_on_ray(
    tasks: Iterator[LabellingTask],
    options: LabellingOptions,
    model: FreeSeg,
    *,
    address: str | None = None,
    started: Callable[[int], None] = lambda processors: None,
) -> Generator[tuple[LabellingTask, Outcome]]:
    """Label photos on Ray; `freeseg.labelling.label` takes it as its `labeller`.

    The bytes of a photo travel to the machine that labels it, and the files are written there, into a folder that all
    machines share. A photo whose process or machine dies is labelled again elsewhere.

    Args:
        tasks: The photos. Ray is not started where there are none.
        options: How they are labelled.
        model: The model; each process of the cluster loads its own, which must be the same.
        address: Of the cluster's head, such as "head:6379"; None for a cluster on this machine alone.
        started: Called with the number of processes, as soon as the cluster is there.

    Yields:
        What `label_in_this_process` yields, in the order in which the photos are done.

    Raises:
        FreeSegError: The cluster cannot be had, or a machine has another FreeSeg or model; and as of
            `label_in_this_process`.
    """
    first = next(tasks, None)
    if first is None:
        return
    there = replace(
        options,
        folder=Path(os.path.abspath(options.folder)),  # noqa: PTH100 - links stay what they are
        model=os.path.abspath(options.model) if Path(options.model).is_dir() else options.model,  # noqa: PTH100
        engine=model.engine.name,  # what "auto" chose here, also where a machine would choose another
    )
    with cluster(address) as processors:
        started(processors)
        all_tasks, named = chain([first], tasks), tuple(hub.named_by_user())
        for task, result in spread(_label, all_tasks, there, model.weights_sha256, named):
            if isinstance(result, Lost):
                name = f"{task.source}/{task.file}"
                result = OutputError(f"{name} is not labelled: {result.why}; run it again to try it once more")
            yield task, result


def _label(task: LabellingTask, options: LabellingOptions, weights_sha256: str, named: Collection[str]) -> Outcome:
    """Label a photo on a machine of the cluster."""
    check_shared(options.folder, LABELS)
    return outcome_of(task, options, _model(options, weights_sha256, tuple(named)))


@lru_cache(maxsize=1)
def _model(options: LabellingOptions, weights_sha256: str, named: tuple[str, ...]) -> FreeSeg:
    """The model of a run, which a process keeps."""
    for name in named:
        hub.name_by_user(name)
    model = options.load()
    check_same_model(options.model, model.weights_sha256, weights_sha256)
    return model
