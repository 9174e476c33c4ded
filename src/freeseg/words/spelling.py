"""Spellings of words: which characters can be seen, and which spellings are the same word."""

from __future__ import annotations

import re
import unicodedata

_IRREGULAR = {
    "calf": "calves", "child": "children", "deer": "deer", "elf": "elves", "fish": "fish", "foot": "feet",
    "goose": "geese", "grandchild": "grandchildren", "half": "halves", "hoof": "hooves", "knife": "knives",
    "leaf": "leaves", "loaf": "loaves", "mouse": "mice", "ox": "oxen", "scarf": "scarves", "sheep": "sheep",
    "shelf": "shelves", "bookshelf": "bookshelves", "thief": "thieves", "tooth": "teeth", "wharf": "wharves",
    "wife": "wives", "wolf": "wolves",
}  # fmt: skip
_NOT_MEN = frozenset({"human", "german", "roman", "norman", "ottoman", "shaman", "talisman", "caiman"})
_LAST_WORD = re.compile(r"[a-z]+$")
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


def plurals(word: str) -> tuple[str, ...]:
    """The plural of an English word or phrase, in each of its usual spellings; the most usual one is first.

    Example:
        >>> plurals("cat"), plurals("church"), plurals("city"), plurals("day"), plurals("tomato")
        (('cats',), ('churches',), ('cities',), ('days',), ('tomatoes', 'tomatos'))
        >>> plurals("fireman"), plurals("bread knife"), plurals("sheep")
        (('firemen',), ('bread knives',), ('sheep',))
    """
    last = _LAST_WORD.search(word)
    end = last.group() if last else ""
    irregular = _IRREGULAR.get(end) or (f"{end[:-2]}en" if end.endswith("man") and end not in _NOT_MEN else "")
    if irregular:
        return (word.removesuffix(end) + irregular,)
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return (f"{word}es",)
    if word.endswith("y") and not word.endswith(("ay", "ey", "oy", "uy")):
        return (f"{word[:-1]}ies",)
    if word.endswith("o") and not word.endswith(("ao", "eo", "io", "oo", "uo")):
        return f"{word}es", f"{word}s"
    return (f"{word}s",)


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
