"""What a step of the network's training sees: crops of photos, with the same crops of their free masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from freeseg.data.free_masks import Entry, FreeMasks
from freeseg.errors import DataError, FreeSegError
from freeseg.mask_values import IGNORE
from freeseg.models.network import STRIDE
from freeseg.photos import to_array
from freeseg.photos.references import PhotoReference
from freeseg.training.network.losses import UNKNOWN, partial_pixels
from freeseg.training.network.recipe import NetworkRecipe

LARGEST_ASPECT = 4 / 3  # of a crop's sides, in the photo


class Sample(NamedTuple):
    """A crop of a photo, squeezed to a square of side S, with its free mask; or a batch of them."""

    pixels: Tensor  # (3, S, S) uint8
    targets: Tensor  # (S / 8, S / 8) int64, see losses
    supervised: Tensor  # (S / 8, S / 8) bool
    known: Tensor  # (N,) bool, the labels that may be in the photo
    box: Tensor  # (4,) left, top, right, bottom as shares of the photo; right before left where it is mirrored
    row: int | Tensor  # of the photo in the teacher's features


class PhotoInBatch(NamedTuple):
    """A photo's place in the training. It decides how the photo is cropped.

    Attributes:
        step: The step that sees it.
        position: Its place in the step's batch.
        photo: Its index among the photos.
    """

    step: int
    position: int
    photo: int


class Samples(Dataset[Sample]):
    """The same crops of photos and of their free masks. They depend on the seed and on the place in the batch alone.

    Args:
        masks: The free masks.
        photos: The photo of each of their entries.
        rows: The row of each photo in the teacher's features.
        recipe: How they are cropped.
        first_masks: Other free masks of the same photos, with the same labels. Pixels to which the two give different
            labels do not supervise.
    """

    def __init__(
        self,
        masks: FreeMasks,
        photos: Sequence[PhotoReference],
        rows: NDArray[np.int64],
        recipe: NetworkRecipe,
        first_masks: FreeMasks | None = None,
    ):
        self.masks, self.photos, self.rows, self.recipe = masks, photos, rows, recipe
        self.first_masks = first_masks
        self.first_entries = {(each.source, each.file): each for each in (first_masks.entries if first_masks else ())}
        self.target_of_value = target_table(masks)
        self.indices = {name: index for index, name in enumerate(masks.vocabulary.names)}

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, place: PhotoInBatch) -> Sample:
        """The crop that a step sees of a photo."""
        rng = np.random.default_rng((self.recipe.seed, 2, place.step, place.position))
        entry = self.masks.entries[place.photo]
        photo = self.photos[place.photo].picture()
        box = random_crop(photo.size, self.recipe.smallest_crop, rng)
        mirrored = rng.random() < 0.5
        side, grid = self.recipe.side, self.recipe.side // STRIDE
        cropped = photo.resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=3.0)
        targets, supervised = self.supervision(entry)
        maps = [_at_patch_centres(each.astype(np.int32), box, grid) for each in (targets, supervised)]
        pixels = to_array(change_colours(cropped, self.recipe, rng))
        if mirrored:
            pixels, maps = pixels[:, ::-1].copy(), [each[:, ::-1].copy() for each in maps]
        left, right = box[0] / photo.width, box[2] / photo.width
        ends = (right, left) if mirrored else (left, right)
        return Sample(
            torch.from_numpy(pixels).permute(2, 0, 1),
            torch.from_numpy(maps[0]).long(),
            torch.from_numpy(maps[1]).bool(),
            self.known(entry),
            torch.tensor([ends[0], box[1] / photo.height, ends[1], box[3] / photo.height]),
            int(self.rows[place.photo]),
        )

    def supervision(self, entry: Entry) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The targets of a photo's pixels (H, W), and which of them supervise."""
        mask = self.masks.mask(entry)
        targets = self.target_of_value[mask]
        if self.first_masks:
            first_mask = self.first_masks.mask(self.first_entries[entry.source, entry.file])
            targets = np.where(mask == first_mask, targets, UNKNOWN)
        if not self.recipe.partial_pixels:
            return targets, targets != UNKNOWN
        confidence = torch.from_numpy(self.masks.confidence(entry))
        supervised = partial_pixels(
            torch.from_numpy(targets),
            confidence,
            foreground_share=self.recipe.foreground_share,
            background_share=self.recipe.background_share,
        )
        return targets, supervised.numpy()

    def known(self, entry: Entry) -> Tensor:
        """(N,) bool: the labels that may be in a photo."""
        known = torch.zeros(len(self.indices), dtype=torch.bool)
        known[[self.indices[name] for name in entry.labels]] = True
        return known


class SamplesOrErrors(Dataset[Sample | FreeSegError]):
    """Samples, or the error where one cannot be read.

    The error is returned, because one that is raised in a process that reads photos comes with its whole traceback.
    """

    def __init__(self, samples: Samples):
        self.samples = samples

    def __getitem__(self, place: PhotoInBatch) -> Sample | FreeSegError:
        try:
            return self.samples[place]
        except FreeSegError as error:
            return error


def collate(samples: list[Sample | FreeSegError]) -> Sample | FreeSegError:
    """A batch of samples, or the first error among them."""
    errors = [each for each in samples if isinstance(each, FreeSegError)]
    batch: Sample | FreeSegError = errors[0] if errors else default_collate(samples)
    return batch


def check_batch(photos: int, recipe: NetworkRecipe, processes: int = 1) -> None:
    """Refuse photos that do not fill a batch, and a batch that processes cannot share evenly.

    Raises:
        DataError: The photos are fewer than a batch, or the batch is no multiple of the processes.

    Example:
        >>> check_batch(16, NetworkRecipe(batch_size=16))
    """
    if photos < recipe.batch_size:
        raise DataError(
            f"{photos} photos are fewer than one batch of {recipe.batch_size}; add photos or lower --batch-size"
        )
    if recipe.batch_size % processes:
        raise DataError(
            f"a batch of {recipe.batch_size} cannot be shared by {processes} processes; change --batch-size"
        )


def target_table(masks: FreeMasks) -> NDArray[np.int64]:
    """Mask value -> target: 0 for the background, i + 1 for the vocabulary's label i, `UNKNOWN` for "don't know"."""
    names = {name: index + 1 for index, name in enumerate(masks.vocabulary.names)}
    table = np.full(max(len(masks.labels), IGNORE + 1), UNKNOWN, np.int64)
    for value, name in enumerate(masks.labels):
        if value != IGNORE:
            table[value] = names.get(name, 0)
    return table


def batches(photos: NDArray[np.int64], recipe: NetworkRecipe, first: int) -> Iterator[list[PhotoInBatch]]:
    """The photos of each step from `first` to the end, in a new order in each epoch.

    Photos that are left over at the end of an epoch, fewer than a batch, are not seen in it.

    Example:
        >>> recipe = NetworkRecipe(epochs=1, batch_size=2)
        >>> [[place.step for place in batch] for batch in batches(np.arange(5), recipe, 1)]
        [[1, 1]]
    """
    each = len(photos) // recipe.batch_size
    for step in range(first, recipe.epochs * each):
        epoch, position = divmod(step, each)
        order = np.random.default_rng((recipe.seed, 1, epoch)).permutation(photos)
        chosen = order[position * recipe.batch_size : (position + 1) * recipe.batch_size]
        yield [PhotoInBatch(step, place, int(photo)) for place, photo in enumerate(chosen)]


def random_crop(size: tuple[int, int], smallest: float, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A random part of a photo: left, top, right, bottom in pixels, nearly square.

    Example:
        >>> left, top, right, bottom = random_crop((100, 80), 0.5, np.random.default_rng(0))
        >>> 0 <= left < right <= 100 and 0 <= top < bottom <= 80
        True
    """
    width, height = size
    area = (rng.uniform(smallest, 1.0) * min(size)) ** 2
    shape = np.exp(rng.uniform(-np.log(LARGEST_ASPECT), np.log(LARGEST_ASPECT)))
    wide, high = min(np.sqrt(area * shape), width), min(np.sqrt(area / shape), height)
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    return float(left), float(top), float(left + wide), float(top + high)


def change_colours(photo: Image.Image, recipe: NetworkRecipe, rng: np.random.Generator) -> Image.Image:
    """The photo with brightness, contrast and saturation changed at random, by up to `recipe.colour`."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        photo = kind(photo).enhance(float(rng.uniform(1 - recipe.colour, 1 + recipe.colour)))
    return photo


def _at_patch_centres(
    values: NDArray[np.int32], box: tuple[float, float, float, float], grid: int
) -> NDArray[np.int32]:
    """A part of a map of the photo's size as (grid, grid): the pixel nearest to the centre of each patch."""
    return np.array(Image.fromarray(values).resize((grid, grid), Image.Resampling.NEAREST, box))
