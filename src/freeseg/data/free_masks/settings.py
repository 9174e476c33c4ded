"""labels.json: what all masks of a folder have in common."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freeseg.bounds import check_value
from freeseg.data.free_masks.entries import MANIFEST
from freeseg.errors import DataError, FreeSegError, OutputError, reason
from freeseg.files import parse_json, write_json
from freeseg.mask_values import labels_by_value
from freeseg.words import Label, Vocabulary

FORMAT = "freeseg-masks-1"
LABELS = "labels.json"


@dataclass(frozen=True)
class MaskSettings:
    """What all masks of a folder have in common.

    Attributes:
        vocabulary: The labels, background words and prompt templates.
        model: The model's name.
        place: Where the model is loaded from: an embedded model's name, a folder's path, or a name on the hub.
        weights: The sha256 of its weights.
        version: Of FreeSeg.
        decision: The rule by which the masks were decided, as `Decision.to_json` gives it.
        precision: What the model computed in; folders of older versions, which do not tell it, have "float32".
        views: Short sides at which the model looked at each photo, where it did so several times.
    """

    vocabulary: Vocabulary
    model: str
    place: str
    weights: str
    version: str
    decision: dict[str, Any]
    precision: str = "float32"
    views: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The settings as labels.json has them."""
        return {
            "format": FORMAT,
            "labels": list(labels_by_value(self.vocabulary.names)),
            "vocabulary": {
                "labels": [list(label.aliases) for label in self.vocabulary.labels],
                "background_words": list(self.vocabulary.background_words),
                "templates": list(self.vocabulary.templates),
            },
            "model": self.model,
            "place": self.place,
            "weights": self.weights,
            "version": self.version,
            "decision": self.decision,
            **({"precision": self.precision} if self.precision != "float32" else {}),
            **({"views": list(self.views)} if self.views else {}),
        }


def write_settings(folder: Path, settings: MaskSettings) -> None:
    """Write the settings of a new folder, or check that a folder that has some has the same.

    Raises:
        OutputError: The masks there were made with other settings, which the message names; or the settings cannot
            be written.
    """
    wanted = settings.to_dict()
    if not (folder / LABELS).exists():
        if (folder / MANIFEST).exists():
            raise OutputError(f"{folder} has a {MANIFEST} without {LABELS}; choose another folder")
        write_json(folder / LABELS, wanted)
        return
    there = _flat(read_settings(folder))
    ours = _flat(json.loads(json.dumps(wanted)))
    if changed := [name for name in ours if name not in ("labels", "place") and ours[name] != there.get(name)]:
        raise OutputError(f"{folder} holds masks of another {', '.join(changed)}; choose another folder, or delete it")


def read_settings(folder: Path) -> dict[str, Any]:
    """Read the settings of a folder as labels.json has them.

    Raises:
        DataError: There is no such file, or it cannot be read, or it is in another format.
    """
    path = folder / LABELS
    try:
        settings = parse_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no {LABELS} in it; give a folder that `freeseg label` wrote") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); label the photos again") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise DataError(f"{path}: not in the format {FORMAT}; give a folder that `freeseg label` wrote")
    return settings


def vocabulary_of(settings: dict[str, Any], path: Path) -> Vocabulary:
    """The vocabulary of the masks.

    Args:
        settings: What `read_settings` gave.
        path: Of the file, for the error.

    Raises:
        DataError: The vocabulary is damaged, or the names of the labels are not its own.
    """
    try:
        words = settings["vocabulary"]
        check_value("vocabulary", words, dict[str, list[Any]])
        check_value("vocabulary.labels", words["labels"], list[list[str]])
        for name in ("background_words", "templates"):
            check_value(f"vocabulary.{name}", words[name], list[str])
        if not all(words["labels"]):
            raise ValueError("a label in it has no name")
        labels = tuple(Label(tuple(aliases)) for aliases in words["labels"])
        vocabulary = Vocabulary(labels, tuple(words["background_words"]), tuple(words["templates"]))
        if settings["labels"] != list(labels_by_value(vocabulary.names)):
            raise ValueError("the labels are not those of the vocabulary")
    except (KeyError, TypeError, AttributeError, ValueError, FreeSegError) as error:
        cause = f"it lacks {error}" if isinstance(error, KeyError) else reason(error)
        raise DataError(f"{path}: damaged ({cause}); label the photos again") from error
    return vocabulary


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with those inside "vocabulary" and "decision" under names of their own."""
    flat: dict[str, Any] = {"precision": "float32", "views": [], "decision.presence_weight": 0.0}
    for name, value in settings.items():
        flat |= {f"{name}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {name: value}
    return flat
