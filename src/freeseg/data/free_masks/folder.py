"""Reading a folder of free masks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from freeseg.data.free_masks.entries import MANIFEST, Entry, read_manifest
from freeseg.data.free_masks.settings import LABELS, read_settings, vocabulary_of
from freeseg.errors import PATH_CHARACTERS, DataError, shortened
from freeseg.files import is_file
from freeseg.mask_values import IGNORE, labels_by_value
from freeseg.words import Vocabulary

MASKS, CONFIDENCE = "masks", "confidence"
_MASK_MODES, _CONFIDENCE_MODES = ("P", "L", "I;16", "I"), ("L",)  # of Pillow


@dataclass(frozen=True)
class FreeMasks:
    """A folder of free masks.

    Attributes:
        folder: Where it is.
        vocabulary: The labels of the masks.
        labels: Names by mask value, "background" first.
        entries: The photos.
        place, weights: Where the model that made the masks was loaded from, and the sha256 of its weights.

    Example:
        >>> import tempfile
        >>> from freeseg.data.free_masks import MaskSettings, write_settings
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_settings(folder, MaskSettings(Vocabulary.of("cat"), "model", "model", "", "1", {}))
        >>> (folder / "manifest.jsonl").touch()
        >>> open_mask_files(folder).labels
        ('background', 'cat')
    """

    folder: Path
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    place: str = ""
    weights: str = ""

    def check_sizes(self) -> None:
        """Read the headers of all files, so that a damaged one is found before a training begins.

        Raises:
            DataError: A file is missing, is not a picture of its kind, or is not of its photo's size.
        """
        for kind, modes in (("mask", _MASK_MODES), ("confidence", _CONFIDENCE_MODES)):
            for entry in self.entries:  # of Parquet files, masks that are stored together are read together
                with self._opened(getattr(entry, kind), entry, modes):
                    pass

    def mask(self, entry: Entry) -> NDArray[np.int64]:
        """A photo's mask, (H, W) int64: indices into `labels`, and 255 for "don't know".

        Raises:
            DataError: It is missing or damaged, is not of the entry's size, or has a value without a label.
        """
        return self.stored_mask(entry).astype(np.int64)

    def stored_mask(self, entry: Entry) -> NDArray[Any]:
        """What `mask` gives, in the type that the file has, which takes an eighth of the memory."""
        mask = self._read_grey(entry.mask, entry, _MASK_MODES)
        if (largest := mask.max(initial=0, where=mask != IGNORE)) >= len(self.labels):
            path = self.folder / entry.mask
            raise DataError(f"{path}: holds {largest}, but there are {len(self.labels)} labels; label it again")
        return mask

    def confidence(self, entry: Entry) -> NDArray[np.float32]:
        """A photo's confidence, (H, W) float32 in [0, 1].

        Raises:
            DataError: It is missing or damaged, or is not of the entry's size.
        """
        grey = self._read_grey(entry.confidence, entry, _CONFIDENCE_MODES)
        return grey.astype(np.float32) / np.float32(255)

    def _file(self, name: str) -> Path | BinaryIO:
        """A file of the folder, by its name in an entry."""
        return self.folder / name

    def _read_grey(self, name: str, entry: Entry, modes: tuple[str, ...]) -> NDArray[Any]:
        with self._opened(name, entry, modes) as image:
            return np.asarray(image)

    @contextmanager
    def _opened(self, name: str, entry: Entry, modes: tuple[str, ...]) -> Iterator[Image.Image]:
        """Open a file of free masks, without reading its pixels yet."""
        path = self.folder / name
        try:
            with PngImageFile(self._file(name)) as image:  # `Image.open` refuses the masks of very large photos
                if image.size != (entry.width, entry.height):
                    expected = f"{entry.width}x{entry.height}"
                    raise DataError(f"{path}: is {image.width}x{image.height}, its photo {expected}; label it again")
                if image.mode not in modes:
                    raise DataError(f"{path}: a picture of mode {image.mode}, not {modes[0]}; label it again")
                yield image
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{path}: missing or damaged ({error}); run the same `freeseg label` again") from error


def open_mask_files(folder: Path) -> FreeMasks:
    """Open a folder of mask files.

    Raises:
        DataError: The folder is not one of free masks, a line of its manifest is damaged, or a file is missing.
    """
    settings = read_settings(folder)
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder}: no {MANIFEST} in it; was it written by `freeseg label`, and to the end?")
    vocabulary = vocabulary_of(settings, folder / LABELS)
    labels = labels_by_value(vocabulary.names)
    entries: dict[tuple[str, str], Entry] = {}
    for number, (_, entry) in enumerate(read_manifest(folder), start=1):
        if strange := set(entry.labels).difference(labels):
            raise DataError(f"{folder / MANIFEST}, line {number}: {shortened(min(strange))} is no label of {LABELS}")
        if absent := [name for name in (entry.mask, entry.confidence) if not is_file(folder / name)]:
            missing = shortened(str(folder / absent[0]), PATH_CHARACTERS)
            raise DataError(f"{missing} is missing; run the same `freeseg label` again")
        entries[entry.source, entry.file] = entry  # the later line counts, where a photo was labelled again
    made_by = {name: str(settings.get(name, "")) for name in ("place", "weights")}
    return FreeMasks(folder, vocabulary, labels, tuple(entries.values()), **made_by)
