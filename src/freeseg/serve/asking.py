"""What a request asks for: its labels, checked against the limits, and photos whose header was looked at first."""

from __future__ import annotations

import io
from collections.abc import Sequence

from freeseg.files import bytes_sha256
from freeseg.photos import SeenPhoto
from freeseg.photos.decoding import open_header, photo_errors
from freeseg.pipeline import FreeSeg
from freeseg.serve.problems import Problem
from freeseg.serve.settings import MEGA, Limits
from freeseg.words import Vocabulary
from freeseg.words.lists import default_background, is_list_name, label_list
from freeseg.words.vocabularies import parse_labels
from freeseg.words.written import split_labels

_FIX = 'give labels as "cat, sofa|couch", as a list of such texts, or by the name of a list (GET /v1/vocabularies)'


def read_labels(given: object, limits: Limits) -> Vocabulary:
    """The vocabulary that a client asks for. No file is looked at, whatever a label looks like.

    Args:
        given: A text or a list of texts, as a client sent it.
        limits: How many labels and words there may be, and how long.

    Raises:
        Problem: It is something else, or too much.
        LabelError: The labels cannot be used.

    Example:
        >>> read_labels("cat, sofa|couch", Limits()).names
        ('cat', 'sofa')
    """
    if given is None or given == "" or given == []:
        raise Problem(422, "labels", "no labels were given", _FIX)
    if isinstance(given, str):
        _check_length(len(given), limits.max_words * (limits.max_label_length + 3), limits)
        texts: Sequence[object] = label_list(given.strip()) if is_list_name(given) else split_labels(given)
    elif isinstance(given, list) and all(isinstance(text, str) for text in given):
        texts = given
    else:
        raise Problem(422, "labels", "the labels are neither a text nor a list of texts", _FIX)
    if len(texts) > limits.max_labels:
        what = f"{len(texts):,} labels were given, of which at most {limits.max_labels:,} are taken"
        raise Problem(422, "too-many-labels", what, "ask in several requests")
    words = sum(str(text).count("|") + 1 for text in texts)
    if words > limits.max_words:
        what = f"the labels have {words:,} words, of which at most {limits.max_words:,} are taken"
        raise Problem(422, "too-many-labels", what, "leave synonyms out, or ask in several requests")
    longest = max(len(word.strip()) for text in texts for word in str(text).split("|"))
    _check_length(longest, limits.max_label_length, limits)
    return Vocabulary(parse_labels(texts, everyday_words=not is_list_name(given)), default_background())


def _check_length(length: int, most: int, limits: Limits) -> None:
    if length > most:
        what = f"a label is longer than the {limits.max_label_length} characters that are taken"
        raise Problem(422, "label-too-long", what, "use a shorter word")


def check_photo(content: bytes, limits: Limits) -> None:
    """Look at a photo's header: its size is known before anything is decoded.

    Raises:
        Problem: It has too many pixels, or is of a kind that is not read.
        PhotoError: It has no header that can be read.
    """
    with photo_errors("the photo"):
        if not content:
            raise Problem(422, "photo", "the photo is empty (0 bytes)", "send it again")
        width, height = open_header(io.BytesIO(content), "the photo").size
    if width * height > limits.max_megapixels * MEGA:
        what = f"the photo has {width}x{height} pixels, of which at most {limits.max_megapixels:g} million are taken"
        raise Problem(413, "photo-too-large", what, "send it at a smaller size")


def look(model: FreeSeg, content: bytes, limits: Limits) -> SeenPhoto:
    """Look at a photo, after a check of its size.

    Raises:
        Problem: It has too many pixels.
        PhotoError: It cannot be read.
    """
    check_photo(content, limits)
    return model.look(content)


def photo_id(content: bytes) -> str:
    """What a photo is called: the sha256 of its file."""
    return bytes_sha256(content)
