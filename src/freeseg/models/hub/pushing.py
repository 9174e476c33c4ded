"""Putting a model of one's own on the Hugging Face hub, from where others load it by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

from freeseg.errors import PATH_CHARACTERS, WeightsError, shortened
from freeseg.files import is_file
from freeseg.models.config import WEIGHTS, Config, read_config
from freeseg.models.hub.explain import HUB, network_reason
from freeseg.models.hub.names import is_name
from freeseg.models.hub.required_files import required_files
from freeseg.models.packaged_weights import check_sha256

CARD = "README.md"
LICENCES = frozenset({"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0"})  # the hub's names
_NEEDS_QUOTES = re.compile(r"[^A-Za-z0-9 ._+()/-]")


class Pushed(NamedTuple):
    """What is put on the hub.

    Attributes:
        page: The address of the model's page.
        files: The names of the files -> their bytes.
    """

    page: str
    files: Mapping[str, int]


def plan_push(folder: Path, name: str) -> Pushed:
    """What `push` would put on the hub, after all that can be checked without a network was.

    Args:
        folder: A model that `freeseg pretrain` or `freeseg train` wrote.
        name: What it will be called: owner/name.

    Raises:
        WeightsError: The folder holds no model of FreeSeg, its weights were altered, it stands on a tower in another
            folder, or this can be no name on the hub.
    """
    if not is_name(name):
        raise WeightsError(
            f"{shortened(name, PATH_CHARACTERS)} is no name of a model on {HUB}; give owner/name, in letters, digits, "
            "and the signs - _ ."
        )
    config = read_config(folder)
    check_sha256(folder / WEIGHTS, config.weights_sha256, fix="train the model again")
    for tower in (config.towers.image, config.towers.text):
        if "/" in tower and not is_name(tower):
            raise WeightsError(
                f"{folder} stands on the tower {shortened(tower, PATH_CHARACTERS)}, a folder that others do not have; "
                f"train it on a tower that is on {HUB}"
            )
    here = [path.name for path in folder.iterdir() if path.is_file()]
    sizes = {each: (folder / each).stat().st_size for each in required_files(here, str(folder))}
    return Pushed(f"https://{HUB}/{name}", {**sizes, CARD: len(_card(folder, config))})


def push(folder: Path, name: str, *, private: bool = False) -> Pushed:
    """Put a model on the hub; a model of that name gets a new commit.

    Sent are the config, the trained tensors, the files with which it runs without PyTorch if there are any, and the
    model card, with the lines at its head that the hub reads. Nothing in the folder is changed.

    Args:
        folder: A model that `freeseg pretrain` or `freeseg train` wrote.
        name: What it is called: owner/name.
        private: Whether a new model can be seen by its owner only.

    Raises:
        WeightsError: As of `plan_push`; or the hub cannot be reached, or does not let you write there.
    """
    planned = plan_push(folder, name)
    card = _card(folder, read_config(folder))
    contents: dict[str, str | bytes] = {each: str(folder / each) for each in planned.files} | {CARD: card}
    operations = [CommitOperationAdd(each, content) for each, content in contents.items()]
    try:
        api = HfApi(library_name="freeseg")
        api.create_repo(name, private=private, exist_ok=True)
        api.create_commit(name, operations, commit_message="Upload a model of FreeSeg")
    except Exception as error:  # the network, its layers or an invalid answer raise nearly any kind of error
        raise _explained(error, name) from error
    return planned


def card_for_hub(card: str, licence: str) -> str:
    """A model card with the lines at its head that the hub reads; a card that has such lines stays as it is.

    Example:
        >>> print(card_for_hub("# My model", "Apache-2.0"))
        ---
        library_name: freeseg
        pipeline_tag: image-segmentation
        license: apache-2.0
        tags: [open-vocabulary-segmentation]
        ---
        # My model
    """
    if card.startswith("---\n"):
        return card
    known = licence.lower() in LICENCES
    lines = [f"license: {licence.lower()}"] if known else ["license: other", f"license_name: {_quoted(licence)}"]
    head = ["library_name: freeseg", "pipeline_tag: image-segmentation", *lines, "tags: [open-vocabulary-segmentation]"]
    return "\n".join(["---", *head, "---", card])


def _card(folder: Path, config: Config) -> bytes:
    path = folder / CARD
    card = path.read_text(encoding="utf-8") if is_file(path) else f"# {config.name}\n"
    return card_for_hub(card, config.licence).encode()


def _quoted(text: str) -> str:
    return f"'{text.replace(chr(39), chr(39) * 2)}'" if _NEEDS_QUOTES.search(text) else text


def _explained(error: BaseException, name: str) -> WeightsError:
    """The error to raise for one that huggingface_hub raised over a push: its cause and the fix, in one line."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if isinstance(error, LocalTokenNotFoundError) or status == 401:
        return WeightsError(f"{HUB} does not know you; log in with `hf auth login`, with a token that may write")
    if status == 403:
        owner = name.partition("/")[0]
        return WeightsError(f"{HUB} does not let you write to {name}; log in as {owner}, with a token that may write")
    said = f"answers HTTP {status}" if status else f"cannot be reached or understood ({network_reason(error)})"
    return WeightsError(f"{HUB} {said}; {name} is there as it was before: try later, with a network")
