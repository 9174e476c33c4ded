"""The tasks of a labelling: one for each photo of the sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from freeseg.data import PhotoSource
from freeseg.data.free_masks import CAPTIONS, CONFIDENCE, MASKS, PRESENCE, Entry
from freeseg.errors import DataError, shortened
from freeseg.files import bytes_sha256
from freeseg.results.stems import next_stem
from freeseg.words import Vocabulary, mentions

LONGEST = 255 - len(".png")  # bytes of a stem: file systems take names of 255 bytes


@dataclass(frozen=True)
class LabellingTask:
    """A photo to label.

    Attributes:
        number: The photo's place among all photos of all sources, from 0.
        source, file: The source's name, and the photo's key in it.
        image: The bytes of the photo's file.
        stem: Where the mask and the confidence go, without ending: "SOURCE/STEM".
        known: The names of the labels that the photo's captions mention.
    """

    number: int
    source: str
    file: str
    image: bytes
    stem: str
    known: tuple[str, ...]

    @property
    def mask(self) -> str:
        """The mask's path, relative to the folder of free masks."""
        return f"{MASKS}/{self.stem}.png"

    @property
    def confidence(self) -> str:
        """The confidence map's path, relative to the folder of free masks."""
        return f"{CONFIDENCE}/{self.stem}.png"

    @property
    def rule(self) -> str:
        """What tells which labels may be in the photo: its captions, or the model's presence rule."""
        return CAPTIONS if self.known else PRESENCE

    @property
    def sha256(self) -> str:
        """The sha256 of the photo's bytes, as 64 hex digits."""
        return bytes_sha256(self.image)

    def is_done_by(self, entry: Entry) -> bool:
        """Whether an entry is what this task would give: of the same photo, in the same place, by the same captions."""
        same_rule = entry.known == self.rule and (not self.known or entry.labels == self.known)
        same_place = (entry.mask, entry.confidence) == (self.mask, self.confidence)
        return same_rule and same_place and entry.sha256 == self.sha256


def labelling_tasks(sources: Sequence[PhotoSource], vocabulary: Vocabulary) -> Iterator[LabellingTask]:
    """A task for each photo, in the order of the sources. The bytes of one photo are in memory at a time.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from freeseg.data import open_sources
        >>> folder = Path(tempfile.mkdtemp()) / "holiday"
        >>> folder.mkdir()
        >>> _ = (folder / "a.jpg").write_bytes(b"..."), (folder / "a.png").write_bytes(b"...")
        >>> [task.stem for task in labelling_tasks(open_sources([folder]), Vocabulary.of("cat"))]
        ['holiday/a', 'holiday/a.png']
    """
    numbers = count()
    for source, name in zip(sources, source_names(sources), strict=True):
        taken: set[str] = set()
        for photo in source:
            known = tuple(vocabulary.names[index] for index in mentions(photo.captions, vocabulary))
            stem = f"{name}/{next_stem(photo.key, taken, longest=LONGEST)}"
            yield LabellingTask(next(numbers), name, photo.key, photo.image, stem, known)


def source_names(sources: Sequence[PhotoSource]) -> list[str]:
    """The name of each source, by which a later run finds its photos again.

    Raises:
        DataError: Two sources have the same name.
    """
    names = [source.name or "photos" for source in sources]
    folded = [name.casefold() for name in names]  # a file system may not tell them apart
    if twice := [name for place, name in enumerate(names) if folded[place] in folded[:place]]:
        raise DataError(
            f"two sources are called {shortened(twice[0])}; rename one, or label them into different folders"
        )
    return names
