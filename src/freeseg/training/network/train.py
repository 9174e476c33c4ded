"""From a folder of free masks to a network in a folder, in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import freeseg
from freeseg.data.free_masks import FreeMasks, open_free_masks
from freeseg.engines.choose import require_torch
from freeseg.errors import PATH_CHARACTERS, FreeSegError, shortened
from freeseg.files import is_folder, remove_half_written
from freeseg.models import Config, checkpoint, hub
from freeseg.models.towers import DEFAULT_NETWORK, network_family
from freeseg.pipeline import FreeSeg
from freeseg.training import CACHE, features
from freeseg.training.loop import OnStep
from freeseg.training.network.devices import accelerator
from freeseg.training.network.labelled_photos import count_unlabelled, find_photos
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.rounds import NetworkTraining, OnRelabelled, train_rounds
from freeseg.training.record import training_record


def run(
    masks: str | Path,
    images: Sequence[str | Path],
    out: str | Path,
    *,
    recipe: NetworkRecipe | None = None,
    encoder: str = DEFAULT_NETWORK,
    teacher: str = "",
    self_training: int = 0,
    name: str = "",
    cache: str | Path = CACHE,
    workers: int = 0,
    precision: str = "auto",
    device: str = "auto",
    command: str = "freeseg.training.network.run",
    on_note: Callable[[str], None] = lambda note: None,
    on_photos: features.Progress = lambda done, total: None,
    on_relabelled: OnRelabelled = lambda done, total, remark: None,
    on_step: OnStep = lambda step: None,
) -> Config | None:
    """Train a segmentation network on free masks, and write it to a folder that `freeseg.load` reads.

    Stopped at any moment, the same call resumes and ends at the same network.

    Args:
        masks: Folder that `freeseg label` wrote.
        images: Folders of the labelled photos. Masks in Parquet files know where their photos are, and need none.
        out: Folder for the network, and in it one for each round, with checkpoint, curves and sample predictions.
        recipe: How it is trained; `NetworkRecipe()` if left out.
        encoder: The network's image tower, one of `freeseg.models.towers.network_names()`.
        teacher: The model in whose joint space the network shall be; the one that made the masks if left out.
        self_training: In how many more rounds the network relabels its photos and is trained on the result.
        name: What the network is called; the folder's name if left out.
        cache: Folder for the teacher's features.
        workers: Processes that read photos; 0 reads them in this one.
        precision: "float32", or "bfloat16" or "float16" for mixed precision; "auto" is bfloat16 on a GPU that has it.
        device: "auto" for a GPU where there is one; or "cpu", "cuda", "mps".
        command: How it was trained, for the record in the network's config.
        on_note: Called with a sentence about what is left out.
        on_photos: Called with (done, total) while the teacher's features are computed.
        on_relabelled: Called with (done, total, photo) while the network relabels its photos.
        on_step: Called after every step with a `freeseg.training.loop.StepReport`.

    Returns:
        The network's config, with the record of its training and what was measured; None in all processes but the
        first, where `torchrun` or `accelerate launch` started several.

    Raises:
        DataError: Photos and masks do not belong together, or the photos are too few.
        WeightsError: The teacher cannot be loaded.
        OutputError: A folder cannot be written, or the disk is full.
        FreeSegError: There is no such encoder, device or precision; the model that made the masks has changed; `out`
            holds a training with other settings; or the loss is not finite.

    Example:
        >>> import freeseg
        >>> from freeseg.training import network
        >>> from freeseg.training.network.recipe import NetworkRecipe
        >>> network.run("masks", ["photos"], "mine", recipe=NetworkRecipe(epochs=4))  # doctest: +SKIP
        >>> freeseg.load("mine").segment("cat.jpg", "cat, dog")  # doctest: +SKIP
    """
    recipe, out, folders = recipe or NetworkRecipe(), Path(out), [Path(folder) for folder in images]
    network_family(encoder)  # a wrong name is refused before anything is computed
    free_masks = open_free_masks(Path(masks))
    if not free_masks.entries:
        raise FreeSegError(f"{masks} has no photo with a mask; label some with `freeseg label`")
    photos = find_photos(free_masks, folders)
    devices = accelerator(device, precision)
    if devices.is_main_process:
        remove_half_written(out, recursive=True)
        if without := count_unlabelled(free_masks, folders, photos):
            on_note(f"{without:,} photos have no mask and are not used; `freeseg label` makes them one")
    training = NetworkTraining(
        _load_teacher(teacher, free_masks, str(devices.device)),
        encoder,
        free_masks,
        photos,
        Path(cache),
        name or out.resolve().name,
        devices,
        workers,
    )
    network, metrics = train_rounds(
        training,
        recipe,
        out,
        self_training=self_training,
        on_photos=on_photos,
        on_relabelled=on_relabelled,
        on_step=on_step,
    )
    if not devices.is_main_process:
        return None
    record = training_record(
        asdict(recipe) | {"self_training": self_training},
        Counter(entry.source for entry in free_masks.entries),
        command,
        teacher={training.teacher.config.name: training.teacher.config.weights_sha256},
        masks={
            "photos": len(free_masks.entries),
            "labels": len(free_masks.vocabulary.names),
            "model": free_masks.entries[0].model,
        },
    )
    return checkpoint.save(
        require_torch(network.engine).model, replace(network.config, training=record, metrics=metrics), out
    )


def _load_teacher(name: str, masks: FreeMasks, device: str) -> FreeSeg:
    """The teacher by its name, or the model that made the masks.

    Raises:
        FreeSegError: The model that made the masks is no longer the same, or lies where it is not to be read.
    """
    made_by = masks.place or masks.entries[0].model
    if not name and Path(made_by).is_absolute() and not hub.may_be_read(made_by, masks.folder):
        raise FreeSegError(
            f"{masks.folder} says that {shortened(made_by, PATH_CHARACTERS)} made the masks, which lies "
            "elsewhere and was not named by you; if you trust it, name it by --teacher"
        )
    if is_folder(made_by):
        hub.trust(made_by)  # the network's words are those of its tower
    with nullcontext() if name else hub.named_in_a_file():
        teacher = freeseg.load(name or made_by, engine="torch", device=device)
    if not name and masks.weights not in ("", teacher.weights_sha256):
        raise FreeSegError(f"{made_by} is no longer the model that made the masks; name one by --teacher")
    return teacher
