"""WordPiece (Wu et al. 2016, arXiv 1609.08144), as BERT's uncased models cut texts into tokens.

The library `tokenizers` does the same for every kind of model, and brings 40 MB with it: itself and the client of the
hub. Who only segments needs this one kind. The tests compare the two on the characters of Unicode. They part where a
character is newer than the library's tables, and of those the model knows none.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from freeseg.bounds import read_entry
from freeseg.errors import FreeSegError, WeightsError, reason
from freeseg.files import parse_json
from freeseg.words.spelling import is_foreign

UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
CONTINUES = "##"  # begins the name of a token that does not begin a word
MAX_CHARACTERS = 100  # of a word; a longer one is unknown
REMEMBERED_WORDS = 10_000
# Ideographs, each of which is a word: the blocks that BERT names.
_IDEOGRAPHS = re.compile(
    "([\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b920-\U0002ceaf"
    "\uf900-\ufaff\U0002f800-\U0002fa1f])"
)


class WordPiece:
    """Cuts texts into tokens.

    Args:
        vocabulary: Token -> its number. `[UNK]`, `[CLS]` and `[SEP]` are among them.
        special: Tokens that are found in a text as they stand, before anything else is done to it.

    Example:
        >>> vocabulary = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "cat": 3, "##s": 4, "!": 5}
        >>> WordPiece(vocabulary, special=["[UNK]"]).encode("Cats! dogs")
        [3, 4, 5, 0]
    """

    def __init__(self, vocabulary: Mapping[str, int], *, special: Iterable[str]):
        self._vocabulary = vocabulary
        self._unknown = vocabulary[UNKNOWN]
        self._special = re.compile("(" + "|".join(map(re.escape, special)) + ")")
        self._remembered: dict[str, tuple[int, ...]] = {}

    @classmethod
    def from_file(cls, path: Path) -> WordPiece:
        """The tokenizer in a `tokenizer.json` of the library `tokenizers`.

        Raises:
            WeightsError: The file is missing or damaged, or holds a tokenizer of another kind.
        """
        try:
            raw = parse_json(path.read_text(encoding="utf-8"))
            kinds = raw["model"]["type"], raw["normalizer"]["type"], raw["pre_tokenizer"]["type"]
            if kinds != ("WordPiece", "BertNormalizer", "BertPreTokenizer") or not raw["normalizer"]["lowercase"]:
                raise ValueError("it is no tokenizer of an uncased BERT")
            special = read_entry(raw, "added_tokens", list[dict[str, Any]])
            vocabulary = read_entry(raw, "model.vocab", dict[str, int])
            return cls(vocabulary, special=[read_entry(each, "content", str) for each in special])
        except (OSError, ValueError, KeyError, TypeError, FreeSegError) as error:
            raise WeightsError(f"{path} cannot be read ({reason(error)}); install FreeSeg again") from error

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without those for its begin and end."""
        tokens = []
        for place, part in enumerate(self._special.split(text)):
            if place % 2:  # `split` gives what was found between what was not
                tokens.append(self._vocabulary[part])
            else:
                tokens += [token for word in words_of(part) for token in self._tokens_of(word)]
        return tokens

    def encode_whole(self, text: str, *, most: int) -> tuple[list[int], bool]:
        """The tokens of a text with those for its begin and end, at most so many, and whether it was cut."""
        tokens = self.encode(text)
        kept = tokens[: most - 2]
        return [self._vocabulary[BEGIN], *kept, self._vocabulary[END]], len(kept) < len(tokens)

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts of which every token is unknown; texts without tokens are among them.

        So are those in another script than the Latin one. BERT's vocabulary has the single letters of many scripts, but
        an uncased English BERT never learned what the words mean that they spell.
        """
        return [
            text for text in texts if is_foreign(text) or all(token == self._unknown for token in self.encode(text))
        ]

    def _tokens_of(self, word: str) -> tuple[int, ...]:
        """The tokens of a word, remembered: the prompts of all labels have the same few words around them."""
        if word not in self._remembered:
            if len(self._remembered) >= REMEMBERED_WORDS:
                self._remembered.clear()
            self._remembered[word] = self._cut(word)
        return self._remembered[word]

    def _cut(self, word: str) -> tuple[int, ...]:
        """The tokens of a word: each time the longest that fits. A word that does not come out even is unknown."""
        if len(word) > MAX_CHARACTERS:
            return (self._unknown,)
        tokens, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                token = self._vocabulary.get((CONTINUES if start else "") + word[start:end])
                if token is not None:
                    break
            else:
                return (self._unknown,)
            tokens.append(token)
            start = end
        return tuple(tokens)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case and without accents; every sign and every ideograph is a word of its own.

    Example:
        >>> words_of("A café, isn't it?")
        ['a', 'cafe', ',', 'isn', "'", 't', 'it', '?']
    """
    clean = "".join(" " if character.isspace() else character for character in text if not _is_control(character))
    spaced = _IDEOGRAPHS.sub(r" \1 ", clean)
    bare = (each for each in unicodedata.normalize("NFD", spaced) if unicodedata.category(each) != "Mn")
    # Character by character: Python's lower() of a whole text knows the form of a sigma at a word's end.
    lower = "".join(each.lower() for each in bare)
    return "".join(f" {each} " if _is_sign(each) else each for each in lower).split()


def _is_control(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co")


def _is_sign(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character)[0] == "P"
