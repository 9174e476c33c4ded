"""What a family of towers answers for. Everything that differs between kinds of towers is asked here and nowhere else.

A new family is a subclass of `Family` in a file of its own and one line in `freeseg.models.towers.FAMILIES`;
docs/concepts/models.md shows one. To list the families must not need torch: import it inside the methods that build
towers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freeseg.errors import FreeSegError, WeightsError
from freeseg.models.config import Config, PixelNormalisation, Preprocessing, TowerPair

if TYPE_CHECKING:
    from freeseg.models.class_attention import ClassAttention
    from freeseg.models.iclip import ICLIP, ImageTower, TextTower
    from freeseg.models.network import SegmentationNetwork


class OpenedImageTower(NamedTuple):
    """An image tower in memory.

    Attributes:
        tower: The tower, frozen unless its family is trained by FreeSeg.
        normalisation: How pixels become its input.
        text_tower: The text tower that the pair names, where it came from the same checkpoint and was read with it.
    """

    tower: ImageTower
    normalisation: PixelNormalisation = PixelNormalisation()
    text_tower: TextTower | None = None


class Family(ABC):
    """A family of image towers, of text towers, or of both.

    Attributes:
        names: The names of its towers, for lists of what there is. A family whose towers are folders or names on the
            hub cannot list them.
        image_towers: What a user can name as an image tower, in a few words, for help texts; "" is left out of them.
        dense_modes: The ways in which its image towers can read patches, where there are several.
        trains_image_tower: Whether `freeseg train` trains the image tower, so that it is part of a checkpoint. All
            other towers are frozen: a checkpoint holds their sha256 only.
        runs_through_onnx: Whether a file that `freeseg export` wrote can look at photos in the image tower's place.
        same_meaning: For text towers: two words whose embeddings have a cosine above this mean the same.
    """

    names: tuple[str, ...] = ()
    image_towers = ""
    dense_modes: tuple[str, ...] = ()
    trains_image_tower = False
    runs_through_onnx = True
    same_meaning = 0.95

    def knows(self, name: str) -> bool:
        """Whether a tower of that name is one of the family's."""
        return name in self.names

    def full_name(self, name: str) -> str:
        """A tower's name as a config can keep it."""
        return name

    def resolve(self, towers: TowerPair) -> TowerPair:
        """Complete the towers that a user named, where the image tower is one of the family's.

        Args:
            towers: `text` and `mode` are "" where the user named none.

        Returns:
            The pair with the image tower's own dense mode and, where it has one, its own text tower filled in.

        Raises:
            WeightsError: There is no such tower, or it cannot be used as it was asked for.
        """
        if towers.mode:
            raise WeightsError(f"{towers.image} has no dense modes; leave --mode out")
        if towers.image_revision:
            raise WeightsError(f"{towers.image} is not on the hub and has no revisions; leave --revision out")
        return towers

    @abstractmethod
    def sha256(self, name: str, *, revision: str = "") -> str:
        """The sha256 of a tower's weights.

        Raises:
            WeightsError: The weights are missing.
        """

    def image_identity(self, towers: TowerPair, *, weights_sha256: str = "") -> str:
        """What the features of the pair's image tower depend on, as a key for their cache.

        Args:
            towers: The pair.
            weights_sha256: Of the checkpoint that the tower is part of, where FreeSeg trained it.
        """
        return weights_sha256 if self.trains_image_tower else self.sha256(towers.image, revision=towers.image_revision)

    def preprocessing(self, towers: TowerPair, *, stride: int) -> Preprocessing:
        """How photos are resized for the pair's image tower, which has a patch every `stride` pixels."""
        return Preprocessing()

    def open_image(self, towers: TowerPair) -> OpenedImageTower:
        """The image tower of the pair.

        Raises:
            WeightsError: The family has no image towers, or the weights are missing or altered.
        """
        raise WeightsError(f"{towers.image} knows words only; name an image tower")

    def open_text(self, name: str, *, revision: str = "") -> TextTower:
        """A text tower, frozen.

        Raises:
            WeightsError: The family has no text towers, or the weights are missing or altered.
        """
        raise WeightsError(f"{name} knows images only; name a text tower beside it, with --text-tower")

    def join(self, image: OpenedImageTower, text_tower: TextTower, *, hidden: int = 0) -> ICLIP:
        """An ICLIP of one of the family's image towers and a text tower, with heads that are not trained yet.

        Args:
            image: The image tower.
            text_tower: The text tower, of any family; the joint space is as wide as its own.
            hidden: Width of the image head's hidden layer; 0 for a linear head.
        """
        from freeseg.models.iclip import ICLIP

        return ICLIP(image.tower, text_tower, text_tower.channels, hidden=hidden, normalisation=image.normalisation)

    def start_network(self, name: str, teacher: ICLIP) -> SegmentationNetwork:
        """A segmentation network before its training, in the joint space of a teacher.

        Raises:
            FreeSegError: The family's towers are not trained by `freeseg train`.
            WeightsError: The published weights that it starts from are missing or altered.
        """
        raise FreeSegError(f"{name} is a frozen tower, which freeseg train does not train; name a segmentation network")

    def open_attention(self, name: str, *, revision: str = "") -> ClassAttention:
        """Free attention of an image tower with a class token, in the sense of DINO.

        Raises:
            WeightsError: The tower has no class token, or cannot be loaded.
        """
        raise WeightsError(f"{name} has no class token, so no attention of it; use a DINOv2, a DINO or a CLIP")

    def holds(self, folder: Path) -> bool:
        """Whether a folder is a checkpoint of the family, rather than a model that FreeSeg wrote."""
        return False

    def zero_shot(self, folder: Path, name: str, *, mode: str = "", revision: str = "") -> tuple[ICLIP, Config]:
        """A checkpoint of the family as an ICLIP by itself, without trained heads.

        Args:
            folder: One that the family `holds`.
            name: What the model is called.
            mode: Dense mode of the image tower; "" for its own.
            revision: Of the hub, for the config.

        Raises:
            WeightsError: The checkpoint has no words, or cannot be used.
        """
        raise WeightsError(f"{name} cannot segment by itself; train projections with freeseg pretrain")
