"""What the `config.json` of a model says: its towers, preprocessing and decision rule, and what it was trained on.

A config carries everything a user would otherwise have to know. Reading one needs neither torch nor the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from freeseg.bounds import Bounds, check_fields, check_value
from freeseg.decision.rule import Decision
from freeseg.errors import FreeSegError, WeightsError, reason
from freeseg.files import is_folder, parse_json

CONFIG = "config.json"
WEIGHTS = "model.safetensors"  # what was trained
FORMAT = "freeseg-1"
MOST_SHORT_SIDE = 4096  # pixels that a model may be asked to see on the shorter side
# Entry of config.json -> field of TowerPair.
TOWER_ENTRIES = {
    "image_tower": "image",
    "text_tower": "text",
    "mode": "mode",
    "projected": "projected",
    "image_revision": "image_revision",
    "text_revision": "text_revision",
}
REQUIRED_ENTRIES = ("name", "image_tower", "text_tower", "preprocessing", "decision")


@dataclass(frozen=True)
class TowerPair:
    """The names of the two towers that an ICLIP stands on, and how they are read.

    Attributes:
        image: The image tower: a name that a family knows (`towers.known_names`), a name on the hub ("owner/name"), or
            a folder in transformers' format.
        text: The text tower, likewise.
        mode: Dense mode of a transformer's image tower ("raw", "surgery", ...); "" for a tower without modes.
        projected: Whether a transformer's patch features end in its own joint space.
        image_revision: Branch, tag or commit of the image tower on the hub; "" for the newest.
        text_revision: The same for the text tower.
    """

    image: str
    text: str
    mode: str = ""
    projected: bool = False
    image_revision: str = ""
    text_revision: str = ""


@dataclass(frozen=True)
class PixelNormalisation:
    """How pixels become an image tower's input: `(pixels - mean) / std`, per channel, in units of 0..255.

    The default maps 0..255 to about -1..1.
    """

    mean: tuple[float, ...] = (127.0, 127.0, 127.0)
    std: tuple[float, ...] = (128.0, 128.0, 128.0)


@dataclass(frozen=True)
class Preprocessing:
    """How a photo is resized before an image tower sees it.

    Attributes:
        short_side: Pixels on the shorter side.
        long_cap: The longer side has at most this many times `short_side`; a longer photo is made smaller.
        multiple: Both sides are rounded to a multiple of this: whole patches of a transformer.
        resample: "bicubic" or "bilinear", both antialiased.

    Raises:
        FreeSegError: A number makes no sense; the message names it.
    """

    short_side: Annotated[int, Bounds(1, MOST_SHORT_SIDE)] = 352
    long_cap: Annotated[float, Bounds(1, 1_000)] = 4.0
    multiple: Annotated[int, Bounds(1, 1_024)] = 1
    resample: Literal["bicubic", "bilinear"] = "bicubic"

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Config:
    """What a model says of itself.

    Attributes:
        name: What the model is called.
        towers: The towers that it stands on.
        hidden: Width of the image head's hidden layer; 0 for a linear head.
        same_meaning: Two words mean the same where the cosine of their embeddings, in the text tower's own space, is
            above this. A background word that means the same as a label is not background.
        preprocessing: How photos are resized.
        decision: How masks are decided.
        licence: Licence of the trained tensors.
        training: How it was trained: recipe, sources, command, versions.
        metrics: What was measured: name -> value.
        towers_sha256: Name of each tower that was not trained -> sha256 of its weights.
        weights_sha256: Of the file with the trained tensors; "" where there is none.
    """

    name: str
    towers: TowerPair
    hidden: Annotated[int, Bounds(0, 65_536)] = 0
    same_meaning: Annotated[float, Bounds(-2, 2)] = 0.75
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    decision: Decision = field(default_factory=Decision)
    licence: str = "Apache-2.0"
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    towers_sha256: dict[str, str] = field(default_factory=dict)
    weights_sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entries of `config.json`, in the order in which they are written."""
        towers = asdict(self.towers)
        entries = {entry: towers[name] for entry, name in TOWER_ENTRIES.items()}
        return {
            "name": self.name,
            "image_tower": entries.pop("image_tower"),
            "text_tower": entries.pop("text_tower"),
            "hidden": self.hidden,
            **entries,
            "same_meaning": self.same_meaning,
            "preprocessing": asdict(self.preprocessing),
            "decision": self.decision.to_json(),
            "licence": self.licence,
            "training": self.training,
            "metrics": self.metrics,
            "towers": self.towers_sha256,
            "weights_sha256": self.weights_sha256,
            "format": FORMAT,
        }


KNOWN_ENTRIES = {*TOWER_ENTRIES, *(entry.name for entry in fields(Config)), "format"} - {"towers_sha256"}


def read_config(folder: Path) -> Config:
    """The config of a model folder.

    Entries that have a default may be missing, as in the files of older versions.

    Raises:
        WeightsError: The folder holds no FreeSeg model, or one of another format.
    """
    path = folder / CONFIG
    try:
        raw = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"{folder} holds no {CONFIG}; give the folder that freeseg pretrain or freeseg train wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({reason(error)}); write the model again") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise WeightsError(f"{path} is not a FreeSeg model of format {FORMAT}; update freeseg or train it again")
    if unknown := sorted(raw.keys() - KNOWN_ENTRIES):
        raise WeightsError(f"{path} has unknown entries ({', '.join(unknown)}); update freeseg")
    if missing := [entry for entry in REQUIRED_ENTRIES if entry not in raw]:
        raise WeightsError(f"{path} is incomplete (it lacks {', '.join(missing)}); write the model again")
    try:
        return _from_json(raw)
    except TypeError as error:
        raise WeightsError(f"{path} is incomplete ({reason(error)}); write the model again") from error
    except FreeSegError as error:
        raise WeightsError(f"{path}: {error}; write the model again") from error


def _from_json(raw: Mapping[str, Any]) -> Config:
    rest = {entry: value for entry, value in raw.items() if entry not in {*TOWER_ENTRIES, "towers", "format"}}
    towers = TowerPair(**{name: raw[entry] for entry, name in TOWER_ENTRIES.items() if entry in raw})
    check_fields(towers, {name: entry for entry, name in TOWER_ENTRIES.items()})
    for entry in ("preprocessing", "decision"):
        check_value(entry, raw[entry], dict[str, Any])
    config = Config(
        towers=towers,
        towers_sha256=raw.get("towers", {}),
        preprocessing=Preprocessing(**rest.pop("preprocessing")),
        decision=Decision.from_json(rest.pop("decision")),
        **rest,
    )
    check_fields(config, {"towers_sha256": "towers"})
    check_value("training.sources", config.training.get("sources", {}), dict[str, int])
    return config


def full_name(name: str) -> str:
    """A model's or a tower's name as it can be kept in a file: a folder's name becomes its whole path.

    Example:
        >>> full_name("owner/name")
        'owner/name'
    """
    return str(Path(name).resolve()) if is_folder(name) else name
