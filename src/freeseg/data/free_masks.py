"""Free masks on disk: what `freeseg label` writes and the training of a segmentation network reads.

labels.json                       what the masks speak of, and which model made them
manifest.jsonl                    a line per photo
masks/SOURCE/STEM.png             palette PNG, or 16-bit grey with more than 255 labels; 255 is "don't know"
confidence/SOURCE/STEM.png        8-bit grey, 255 is certain
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from freeseg.errors import DataError, FreeSegError, OutputError
from freeseg.files import escapes_folder, write_json
from freeseg.mask_values import BACKGROUND, IGNORE, reserve_ignore
from freeseg.words import Label, Vocabulary

FORMAT = "freeseg-masks-1"
LABELS, MANIFEST = "labels.json", "manifest.jsonl"
MASKS, CONFIDENCE = "masks", "confidence"
MASK_MODES, CONFIDENCE_MODES = ("P", "L", "I;16", "I"), ("L",)  # of pillow
CAPTIONS, PRESENCE = "captions", "presence"  # how it is known which labels may be in a photo


@dataclass(frozen=True)
class Entry:
    """A photo's line in the manifest.

    Attributes:
        source: The name of the photo's source.
        file: The photo's key in its source.
        width, height: Of photo, mask and confidence, in pixels.
        mask, confidence: Where they are, relative to the folder.
        known: "captions" or "presence": what tells which labels may be in the photo.
        labels: The names of these labels.
        areas: Share of the pixels, in (0, 1], of each label that has any, background too.
        ignored: Share of the pixels that are "don't know".
        sha256: Of the photo's bytes.
        model, version: What made the mask.
    """

    source: str
    file: str
    width: int
    height: int
    mask: str
    confidence: str
    known: str
    labels: tuple[str, ...]
    areas: dict[str, float]
    ignored: float
    sha256: str
    model: str
    version: str

    @classmethod
    def parse(cls, line: bytes | str) -> Entry:
        """The entry of a line; ValueError says what is wrong with it."""
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("not an object")
        for field in fields(cls):
            if not isinstance(values.get(field.name), _KINDS[str(field.type)]):
                raise ValueError(f"no {field.name!r}, or of another kind")
        for name in ("source", "file", "mask", "confidence"):  # they become paths, to be read and written
            if escapes_folder(values[name]):
                raise ValueError(f"{name!r} leads out of its folder")
        if not all(isinstance(label, str) for label in values["labels"]):
            raise ValueError("'labels' must be names")
        known = {field.name: values[field.name] for field in fields(cls)}
        return cls(**known | {"labels": tuple(values["labels"])})

    def line(self) -> str:
        """The entry as a line, ASCII: names of files can hold bytes that are no UTF-8."""
        return json.dumps(asdict(self)) + "\n"


# The kinds of an entry's fields in JSON.
_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "tuple[str, ...]": (list,),
    "dict[str, float]": (dict,),
}


@dataclass(frozen=True)
class Settings:
    """What all masks of a folder have in common.

    Attributes:
        vocabulary: The labels, background words and templates.
        model: The model's name.
        place: Where it is loaded from: an embedded model's name, a folder's path, a name on the hub.
        weights: The sha256 of its weights.
        version: Of freeseg.
        decision: The rule by which masks were decided, as `dataclasses.asdict` gives it.
    """

    vocabulary: Vocabulary
    model: str
    place: str
    weights: str
    version: str
    decision: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As labels.json has it."""
        return {
            "format": FORMAT,
            "labels": list(names_by_value(self.vocabulary)),
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
        }


@dataclass(frozen=True)
class FreeMasks:
    """A folder of free masks.

    Attributes:
        folder: Where it is.
        vocabulary: What the masks speak of.
        labels: Names by mask value, "background" first.
        entries: The photos.
        place, weights: Where the model that made them was loaded from, and the sha256 of its weights.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_settings(folder, Settings(Vocabulary.of("cat"), "model", "model", "", "1", {}))
        >>> (folder / "manifest.jsonl").touch()
        >>> open_free_masks(folder).labels
        ('background', 'cat')
    """

    folder: Path
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    place: str = ""
    weights: str = ""

    def check_sizes(self) -> None:
        """Look at the headers of all files: before a training, not in the middle of it.

        Raises:
            DataError: A file is missing, no picture of its kind, or not of its photo's size.
        """
        for entry in self.entries:
            for name, modes in ((entry.mask, MASK_MODES), (entry.confidence, CONFIDENCE_MODES)):
                with _opened(self.folder / name, entry, modes):
                    pass

    def mask(self, entry: Entry) -> NDArray[np.int64]:
        """A photo's mask, (H, W) int64: indices into `labels`, 255 for "don't know".

        Raises:
            DataError: It is missing or damaged, is not of the entry's size, or has a value without a label.
        """
        path = self.folder / entry.mask
        mask = _read_grey(path, entry, MASK_MODES).astype(np.int64)
        if (largest := mask.max(initial=0, where=mask != IGNORE)) >= len(self.labels):
            raise DataError(f"{path}: holds {largest}, but there are {len(self.labels)} labels; label it again")
        return mask

    def confidence(self, entry: Entry) -> NDArray[np.float32]:
        """A photo's confidence, (H, W) float32 in [0, 1].

        Raises:
            DataError: It is missing or damaged, or is not of the entry's size.
        """
        return _read_grey(self.folder / entry.confidence, entry, CONFIDENCE_MODES).astype(np.float32) / np.float32(255)


def open_free_masks(folder: str | Path) -> FreeMasks:
    """Open a folder that `freeseg label` wrote.

    Raises:
        DataError: It is none, a line of its manifest is damaged, or a mask or a confidence is missing.
    """
    folder = Path(folder)
    settings = _read_settings(folder)
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder}: no {MANIFEST} in it; was it written by `freeseg label`, and to the end?")
    vocabulary, labels = _words(settings, folder / LABELS)
    entries: dict[tuple[str, str], Entry] = {}
    for number, (_, entry) in enumerate(read_manifest(folder), start=1):
        if strange := set(entry.labels).difference(labels):
            raise DataError(f"{folder / MANIFEST}, line {number}: {min(strange)!r} is no label of {LABELS}")
        if absent := [name for name in (entry.mask, entry.confidence) if not (folder / name).is_file()]:
            raise DataError(f"{folder / absent[0]} is missing; run the same `freeseg label` again")
        entries[entry.source, entry.file] = entry  # the later one, where a photo was labelled again
    made_by = {name: str(settings.get(name, "")) for name in ("place", "weights")}
    return FreeMasks(folder, vocabulary, labels, tuple(entries.values()), **made_by)


def names_by_value(vocabulary: Vocabulary) -> tuple[str, ...]:
    """What each value of a mask means: background first, "don't know" at 255 where there are so many.

    Example:
        >>> names_by_value(Vocabulary.of("cat, dog|puppy"))
        ('background', 'cat', 'dog')
    """
    return reserve_ignore((BACKGROUND, *vocabulary.names))


def write_settings(folder: Path, settings: Settings) -> None:
    """Begin a folder, or go on in one of the same settings.

    Raises:
        OutputError: Its masks were made with other settings; the message says which. Or it cannot be written.
    """
    wanted = settings.to_dict()
    if not (folder / LABELS).exists():
        if (folder / MANIFEST).exists():
            raise OutputError(f"{folder} has a {MANIFEST} without {LABELS}; choose another folder")
        write_json(folder / LABELS, wanted)
        return
    found = _read_settings(folder)
    ours, theirs = _flat(json.loads(json.dumps(wanted))), _flat(found)
    if changed := [name for name in ours if name not in ("labels", "place") and ours[name] != theirs.get(name)]:
        raise OutputError(f"{folder} holds masks of another {', '.join(changed)}; choose another folder, or delete it")


def _words(settings: dict[str, Any], path: Path) -> tuple[Vocabulary, tuple[str, ...]]:
    """The vocabulary of the masks, and its names by mask value."""
    try:
        words = settings["vocabulary"]
        aliases = tuple(Label(tuple(label)) for label in words["labels"])
        vocabulary = Vocabulary(aliases, tuple(words["background_words"]), tuple(words["templates"]))
        labels = names_by_value(vocabulary)
        if settings["labels"] != list(labels):
            raise ValueError("the labels are not those of the vocabulary")
    except (KeyError, TypeError, AttributeError, ValueError, FreeSegError) as error:
        raise DataError(f"{path}: damaged ({error!r}); label the photos again") from error
    return vocabulary, labels


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, those inside "vocabulary" and "decision" under names of their own."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= {f"{name}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def read_manifest(folder: Path) -> Iterator[tuple[int, Entry]]:
    """The entries of a manifest, each with the byte where its line begins; a half-written last line is left out.

    Raises:
        DataError: A line is damaged (by number), or the manifest cannot be read.
    """
    path, place = folder / MANIFEST, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    entry = Entry.parse(line)
                except ValueError as error:
                    raise DataError(f"{path}, line {number}: damaged ({error}); label the photos again") from error
                yield place, entry
                place += len(line)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / LABELS
    try:
        settings = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no {LABELS} in it; give a folder that `freeseg label` wrote") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); label the photos again") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise DataError(f"{path}: not in the format {FORMAT}; give a folder that `freeseg label` wrote")
    return settings


def _read_grey(path: Path, entry: Entry, modes: tuple[str, ...]) -> NDArray[Any]:
    with _opened(path, entry, modes) as image:
        return np.asarray(image)


@contextmanager
def _opened(path: Path, entry: Entry, modes: tuple[str, ...]) -> Iterator[Image.Image]:
    """A file of free masks, its pixels not yet read."""
    try:
        with PngImageFile(path) as image:  # `Image.open` refuses the masks of very large photos
            if image.size != (entry.width, entry.height):
                expected = f"{entry.width}x{entry.height}"
                raise DataError(f"{path}: is {image.width}x{image.height}, its photo {expected}; label it again")
            if image.mode not in modes:
                raise DataError(f"{path}: a picture of mode {image.mode}, not {modes[0]}; label it again")
            yield image
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: missing or damaged ({error}); run the same `freeseg label` again") from error
