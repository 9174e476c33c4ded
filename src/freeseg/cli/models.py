"""`freeseg models`: what there is to segment with, and what one model is before it is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import Revision
from freeseg.cli.output import console, say

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.models.hub import ModelFiles

HEADLINES = ("voc20 mIoU", "voc21 mIoU")  # of what was measured, in the list of models


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of a model that ships with FreeSeg or is on huggingface.co (owner/name), or a model's folder.",
            metavar="NAME",
        ),
    ] = None,
    *,
    revision: Revision = None,
) -> None:
    """List models: those that ship with FreeSeg, and a choice of those on huggingface.co.

    With NAME, describe one model: its kind, files, sizes and licence. Nothing is downloaded. Of models that ship with
    FreeSeg and of folders, it says which engine runs them here, at which precision, and why.

    Examples:
        freeseg models
        freeseg models freeseg-lite
        freeseg models openai/clip-vit-base-patch16  # needs a network
    """
    from freeseg import extras
    from freeseg.errors import WeightsError, shortened
    from freeseg.files import is_file, is_folder
    from freeseg.models import EMBEDDED, embedded_folder, hub
    from freeseg.models.config import CONFIG
    from freeseg.models.towers import zero_shot_family

    terminal = console()
    embedded = {each: embedded_folder(each) for each in EMBEDDED}
    if name is None:
        terminal.print(_own(embedded))
        for line in dict.fromkeys(map(_runs_in, embedded.values())):
            say(f"here they run in {line}")
        terminal.print(_known())
    elif name in embedded:
        if revision is not None:
            raise WeightsError(
                f"{name} ships with FreeSeg and has no revision {shortened(revision)}; leave the revision out"
            )
        _print_own(name, embedded[name])
    elif is_file(Path(name) / CONFIG) and zero_shot_family(Path(name)) is None:
        _print_own(name, Path(name))
    else:
        what = "this" if is_folder(name) else f"there is no model {shortened(name)} here, and one of huggingface.co"
        extras.require("huggingface_hub", what=what)
        print_files(hub.describe(name, revision=revision))


def print_files(model: ModelFiles) -> None:
    """What a model is: its kind, files, sizes, licence, whether it is gated, where it is or will be kept."""
    from rich.table import Column, Table

    from freeseg.models.towers.transformer.kinds import describe_kind

    table = Table(Column("file", no_wrap=True), Column("size", justify="right"), "", title=model.name)
    for name, size in model.files.items():
        table.add_row(name, megabytes(size), "here" if name in model.here else "")
    console().print(table)
    page = f"https://huggingface.co/{model.name}"
    facts = {
        "kind": describe_kind(model.kind),
        "weights": "a pickle, of which only tensors are read" if model.pickled else "",
        "licence": model.licence or (f"not stated; see {page}" if model.sha else "not stated"),
        "gated": f"yes: ask for access at {page} and log in with `hf auth login`" if model.gated else "",
        "commit": model.sha,
        "size": f"{megabytes(model.total)}, of which {megabytes(model.missing)} are not here yet",
        "kept in": str(model.folder),
    }
    for fact, value in facts.items():
        if value:
            say(f"{fact}: {value}")


def megabytes(size: int) -> str:
    """Bytes as people read them.

    Example:
        >>> megabytes(598_641_023), megabytes(905), megabytes(0)
        ('598.6 MB', '0.001 MB', '0 MB')
    """
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e6:.3f} MB" if size else "0 MB"


def _own(folders: Mapping[str, Path]) -> Table:
    """Models that FreeSeg trained."""
    from rich.table import Column, Table

    from freeseg.models import read_config

    name_column = Column("name", no_wrap=True)  # a name that is cut cannot be used
    title = "shipped with FreeSeg; freeseg models NAME says more"
    table = Table(name_column, Column("weights", no_wrap=True), "licence", "measured", title=title)
    for name, folder in folders.items():
        config = read_config(folder)
        overlaps = (f"{metric} {value}" for metric, value in config.metrics.items() if metric.startswith(HEADLINES))
        table.add_row(name, _weights(folder), config.licence, "\n".join(overlaps))
    return table


def _print_own(name: str, folder: Path) -> None:
    """All that is known of a model that FreeSeg trained."""
    from freeseg.models import read_config

    config = read_config(folder)
    facts = {
        "name": name,
        "weights": _weights(folder),
        "towers": f"{config.towers.image}, {config.towers.text}",
        "runs in": _runs_in(folder),
        "licence": config.licence,
        **{f"trained on {source}": f"{count:,} photos" for source, count in config.training.get("sources", {}).items()},
        **config.metrics,
    }
    for fact, value in facts.items():
        say(f"{fact}: {value}")


def _runs_in(folder: Path) -> str:
    """The engine and the precision that a model that FreeSeg trained runs in on this machine, and why."""
    from freeseg import extras
    from freeseg.engines.choose import Wish
    from freeseg.engines.opening import choose_for

    choice = choose_for(folder, Wish())
    name = extras.TITLES.get(choice.engine, choice.engine)
    missing = [package for package in extras.TORCH if choice.engine == "torch" and not extras.is_installed(package)]
    lacks = f"; {extras.missing_message(missing[0])}" if missing else ""
    return f"{name}, {choice.precision}: {choice.why}{lacks}"


def _weights(folder: Path) -> str:
    from freeseg.models.config import WEIGHTS

    weights = folder / WEIGHTS
    return f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "missing"


def _known() -> Table:
    """A choice of models of the hub."""
    from rich.table import Column, Table

    from freeseg.models.hub import known_models

    title = "on huggingface.co, not shipped and not measured here: freeseg fetch NAME"
    table = Table(
        Column("name", no_wrap=True),
        Column("size", no_wrap=True),
        Column("licence", overflow="fold"),
        "what it is",
        title=title,
    )
    for model in known_models():
        table.add_row(model.name, f"{model.megabytes:,} MB", model.licence, model.about)
    return table
