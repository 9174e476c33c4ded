"""Spellings of words: which characters can be seen, and which spellings are the same word."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # seen in what they join: emoji, and letters of Persian and of Indian scripts
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks that show nothing


def visible_text(text: str) -> str:
    r"""A text without characters that cannot be seen, with composed accents, and one space for each run of white space.

    Example:
        >>> visible_text("\u200b traffic\tlight"), visible_text("cafe\u0301") == "caf\u00e9"
        ('traffic light', True)
    """
    if _is_plain(text):
        return text
    composed = unicodedata.normalize("NFC", text)
    seen = (each for each in composed if each.isspace() or not _is_invisible(each))
    return " ".join("".join(seen).split())


def word_key(text: str) -> str:
    r"""What is equal for spellings of one word: in any case or width, with any accents and invisible characters.

    Example:
        >>> word_key("\uff23at") == word_key("c\u200dAT") == "cat"
        True
    """
    if _is_plain(text):
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = (each for each in folded if each.isspace() or not (_is_invisible(each) or _is_joiner(each)))
    return " ".join("".join(seen).split())


def plural(word: str) -> str:
    """The regular plural of an English word.

    Example:
        >>> plural("cat"), plural("church"), plural("city"), plural("day")
        ('cats', 'churches', 'cities', 'days')
    """
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and not word.endswith(("ay", "ey", "oy", "uy")):
        return f"{word[:-1]}ies"
    return f"{word}s"


def is_foreign(text: str) -> bool:
    """Whether a text has letters, and none of them is a Latin one: a model that learned from English knows none of it.

    Example:
        >>> [is_foreign(word) for word in ("кот", "猫", "smørrebrød", "7")]
        [True, True, False, False]
    """
    letters = [each for each in text if each.isalpha()] if not text.isascii() else []
    return bool(letters) and not any("LATIN" in unicodedata.name(each, "") for each in letters)


def _is_plain(text: str) -> bool:
    """Whether a text is what it shows, as most are: letters and signs of ASCII with single spaces inside."""
    return text.isascii() and text.isprintable() and "  " not in text and text == text.strip()


def _is_invisible(character: str) -> bool:
    category = unicodedata.category(character)
    is_tag = "\U000e0020" <= character <= "\U000e007f"  # the letters inside flags of regions
    return (category in ("Cc", "Cf") and character not in _JOINERS and not is_tag) or character in _FILLERS


def _is_joiner(character: str) -> bool:
    """Whether a character only changes how others look: joiners, and selectors of an emoji's or a letter's variant."""
    return character in _JOINERS or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
