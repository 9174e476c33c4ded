"""Models by name: those that ship with FreeSeg, folders, and the models of the hub."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg import extras
from freeseg.errors import PATH_CHARACTERS, WeightsError, shortened
from freeseg.files import is_file, is_folder
from freeseg.models import hub
from freeseg.models.config import CONFIG, Config, full_name, read_config
from freeseg.models.towers import zero_shot_family

if TYPE_CHECKING:
    import torch

    from freeseg.models.iclip import ICLIP

DEFAULT = "freeseg-lite"  # the segmentation network
TEACHER = "freeseg-lite-iclip"  # the ICLIP that taught it
EMBEDDED = {name: f"weights/{name}" for name in (DEFAULT, TEACHER)}  # name -> folder inside the package


def embedded_folder(name: str) -> Path:
    """The folder of an embedded model."""
    return Path(str(resources.files("freeseg").joinpath(*EMBEDDED[name].split("/"))))


def find_model(name: str | Path = DEFAULT, *, revision: str | None = None) -> Path:
    """The folder of a model, by name or path; a name on the hub is downloaded to the hub's own cache.

    Args:
        name: As `load_model` takes it.
        revision: Branch, tag or commit on the hub; None for the newest.

    Raises:
        WeightsError: There is no such model; the message lists the embedded ones.
    """
    folder = embedded_folder(str(name)) if str(name) in EMBEDDED else Path(name)
    if is_file(folder / CONFIG):
        if revision is not None:
            raise WeightsError(f"{name} is on this machine and has no revisions; leave --revision out")
        hub.name_by_user(str(folder))
        return folder
    if hub.is_name(str(name)) and not is_folder(folder):  # a folder of the user's own may be empty
        extras.require(
            *extras.TORCH,
            what=f"there is no folder {shortened(str(name), PATH_CHARACTERS)}, and a model of huggingface.co",
        )
        hub.name_by_user(str(name))
        return hub.resolve(str(name), revision=revision)
    known = ", ".join(EMBEDDED)
    raise WeightsError(
        f"no model {shortened(str(name), PATH_CHARACTERS)}; use a folder with a {CONFIG}, a name on "
        f"huggingface.co (owner/name), or: {known}"
    )


def load_model(
    name: str | Path = DEFAULT,
    *,
    revision: str | None = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[ICLIP, Config]:
    """A model by name, ready to use, with its config.

    Args:
        name: An embedded model's name, a folder that `freeseg pretrain` or `freeseg train` wrote, or a folder or a
            name on the hub of a model that segments as it is: a CLIP, SigLIP or SigLIP 2 in transformers' format.
        revision: Branch, tag or commit on the hub; None for the newest.
        mode: Dense mode of a transformer's image tower; None for its family's own.
        dtype: Precision of the towers; None for float32.

    Raises:
        WeightsError: There is no such model, or it cannot be used as it was asked for.
    """
    return load_folder(find_model(name, revision=revision), name, revision=revision, mode=mode, dtype=dtype)


def load_folder(
    folder: Path,
    name: str | Path,
    *,
    revision: str | None = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[ICLIP, Config]:
    """The model in a folder that `find_model` found by its name; the rest is as for `load_model`."""
    from freeseg.models import checkpoint

    family = zero_shot_family(folder)
    if family is not None:
        model, config = family.zero_shot(folder, full_name(str(name)), mode=mode or "", revision=revision or "")
    else:
        check_mode(read_config(folder), mode)
        model, config = checkpoint.load(folder)
    if dtype is not None:
        model.set_precision(dtype)
    return model, config


def check_mode(config: Config, mode: str | None) -> None:
    """Check that a model that FreeSeg trained can be used in a dense mode; None is its own.

    Raises:
        WeightsError: It was trained on another one, or has none.
    """
    trained_on = config.towers.mode
    if mode not in (None, trained_on):
        had = f"was trained on mode {shortened(trained_on)}" if trained_on else "has no dense modes"
        raise WeightsError(f"{config.name} {had}; leave --mode out")
