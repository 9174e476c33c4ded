"""Labels as users write them: a text, a list, a table of aliases, or a file. They become one text for each label."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from freeseg.errors import LabelError, reason, shortened
from freeseg.files import is_file, parse_json, path_for_message, read_text
from freeseg.words.yaml_lists import parse_yaml

HOW = "separate labels by commas, semicolons or lines"
MAX_WORDS = 6  # of a label, before a warning says that it may be several labels
MAX_FILE_BYTES = 10_000_000
# Besides , and ; and tabs: full-width, ideographic, Arabic, small, vertical and half-width commas and semicolons.
_SEPARATOR = re.compile("[,;\t\uff0c\u3001\uff1b\u060c\u061b\ufe50\ufe10\uff64]")
_BULLET = re.compile(r"\s*(?:[-*\u2022]|\d+[.)])\s+")
_COMMENT = re.compile(r"(?:^\s*#|\s#\s).*")
# A bracket before a quote or another bracket, or a pair of brackets around everything.
_JSON = re.compile(r"[\ufeff\s]*(?:[\[{]\s*[\[{\]}\"']|\[[^\[\]]*\]\s*$|\{[^{}]*\}\s*$)")
# Marks that separate the labels of some other tools, and "\n" that a shell did not turn into a line break.
_OTHER_SEPARATOR = re.compile(r"\.\s+\S|\s[/+\u2022\u00b7\u2013\u2014-]\s|[\u3002\uff61]|\\[nrt]")
# Straight, English, German and French quotes, of which word processors make some.
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\u201a\u2018", "\u00ab\u00bb", "\u00bb\u00ab")
_FILE_NAME = re.compile(r".*\.(?:txt|[ct]sv|jsonl?|ya?ml|names|li?st|toml|xml|md|rtf|xlsx?|docx?|pdf)", re.IGNORECASE)
_LIST_HEADS = ("labels", "names", "classes", "categories", "words")
_HEADS = (*_LIST_HEADS, "label", "name", "class", "class_name", "category", "word")
_ALIAS_HEADS = ("aliases", "alias", "synonyms", "synonym")


def label_texts(labels: object) -> list[Any]:
    """One text for each label, `"sofa|couch"`, from whatever a user gives for labels.

    Args:
        labels: A text (`split_labels`), the path of a file (`read_label_file`), a table from names to aliases, or the
            labels one by one. What is in a list is not checked here to be text.

    Raises:
        LabelError: It is none of these, or is a name of a file that is meant to be read.
    """
    if isinstance(labels, os.PathLike):
        return read_label_file(Path(labels))
    if isinstance(labels, str):
        _warn_of_file(labels.strip())
        texts: list[Any] = split_labels(labels)
    elif isinstance(labels, Mapping):
        texts = _from_table(labels)
    elif isinstance(labels, Iterable) and not isinstance(labels, bytes | bytearray | memoryview):
        try:
            texts = sorted(labels, key=str) if isinstance(labels, set | frozenset) else list(labels)
        except TypeError as error:  # an array without dimensions
            raise _wrong_type(labels) from error
        _check_listed(texts)
    else:
        raise _wrong_type(labels)
    for text in texts:
        if isinstance(text, str):
            _refuse_file_name(text.strip())
    return texts


def split_labels(text: str) -> list[str]:
    r"""The labels of one text.

    They are separated by commas, semicolons, tabs, lines, or the commas of other scripts. Among several lines, blank
    ones are skipped, and so are comments, which begin with `#`, and the bullets and numbers of a list. A text in
    brackets is JSON: a list of labels, or a table from labels to their aliases.

    Raises:
        LabelError: It looks like several labels that are separated in another way; or it is not the JSON it begins as.

    Example:
        >>> split_labels("cat, sofa|couch"), split_labels("# animals\n- cat\n- dog\n")
        (['cat', ' sofa|couch'], ['cat', 'dog'])
    """
    if _JSON.match(text):
        return _from_json(text)
    lines = text.splitlines()
    if len(lines) > 1:
        lines = [_BULLET.sub("", _COMMENT.sub("", line.lstrip("\ufeff")), count=1).strip() for line in lines]
        lines = [re.sub(f"{_SEPARATOR.pattern}$", "", line) for line in lines if line]
    texts = [_unquoted(piece) for line in lines or [""] for piece in _SEPARATOR.split(line)]
    if len(texts) == 1 and len(lines) == 1:
        _check_one(texts[0])
    return texts


def read_label_file(path: Path) -> list[str]:
    """The labels of a file, one text for each.

    A text file has one label a line; it is read as `split_labels` reads a text. A `.json`, `.yaml` or `.yml` file holds
    a list of labels or a table from labels to their aliases. A `.csv` or `.tsv` file holds labels in its first column,
    or in the one that is called label, name or class; aliases are in the columns after it, or in the one that is called
    aliases.

    Raises:
        FreeSegError: It is a YAML file, and PyYAML is not installed.
        LabelError: The file is missing, is no text, or holds no labels.
    """
    name, kind = path_for_message(path), path.suffix.lower()
    try:
        path = path.expanduser()
        if path.is_dir():
            raise LabelError(f"{name} is a folder; name a file with one label a line")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise LabelError(f"{name} has more than {MAX_FILE_BYTES:,} bytes; name a file with one label a line")
        text = read_text(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise LabelError(f"labels cannot be read from {name}: {reason(error)}") from error
    if kind in (".csv", ".tsv"):
        texts = _from_csv(text, tabs=kind == ".tsv")
    elif kind in (".yaml", ".yml"):
        texts = _from_value(parse_yaml(text), text, "YAML")
    else:
        texts = _from_json(text) if kind == ".json" else split_labels(text)
    if not any(str(text).strip() for text in texts):
        raise LabelError(f"{name} holds no labels; write one a line")
    return texts


def _from_json(text: str) -> list[str]:
    try:
        value = parse_json(text.strip("\ufeff \t\r\n"))
    except (ValueError, RecursionError) as error:
        raise LabelError(
            f"labels in brackets are read as JSON, and {shortened(text)} is none ({reason(error)}); {HOW}"
        ) from error
    return _from_value(value, text, "JSON")


def _from_value(value: Any, text: str, language: str) -> list[str]:
    """The labels of a list or table that was written in JSON or YAML."""
    if isinstance(value, dict):
        return _from_table(value)
    if isinstance(value, list):
        return [_name_of(entry) for entry in value]
    raise LabelError(f"labels in {language} are a list or a table, and {shortened(text.strip())} is none; {HOW}")


def _name_of(entry: Any) -> Any:
    """The name in an entry such as `{"id": 1, "name": "cat"}`; any other entry as it is."""
    return entry.get("name", entry.get("label", entry)) if isinstance(entry, dict) else entry


def _from_table(table: Mapping[Any, Any]) -> list[str]:
    """The labels of a table: names with their aliases, names by number, numbers by name, or a list under "labels"."""
    for head in _LIST_HEADS:
        if isinstance(table.get(head), dict):
            return _from_table(table[head])
        if isinstance(table.get(head), list):
            return [_name_of(entry) for entry in table[head]]
    if table and all(isinstance(key, int) or (isinstance(key, str) and key.isdecimal()) for key in table):
        return [table[key] for key in sorted(table, key=int)]
    if table and all(isinstance(value, int) for value in table.values()):
        return sorted(table, key=table.__getitem__)
    return [_with_aliases(name, aliases) for name, aliases in table.items()]


def _with_aliases(name: object, aliases: object) -> str:
    """`"sofa|couch"` of a name and its aliases, which may have the name among them."""
    listed = [] if aliases is None else split_labels(aliases) if isinstance(aliases, str) else aliases
    if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
        raise LabelError(f"aliases must be a list of texts, not {type(aliases).__name__}: {shortened(str(aliases))}")
    words = [name, *listed]
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise LabelError(f"a label must be text, not {type(wrong[0]).__name__}: {shortened(str(wrong[0]))}")
    unique = {word.strip().casefold(): word for word in reversed(words)}
    return "|".join(dict.fromkeys(unique[word.strip().casefold()] for word in words))


def _from_csv(text: str, *, tabs: bool) -> list[str]:
    first = text.partition("\n")[0]
    delimiter = "\t" if tabs else ";" if ";" in first and "," not in first else ","
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise LabelError(f"a table of labels is damaged: {reason(error)}") from error
    rows = [row for row in rows if any(row) and not row[0].startswith("#")]
    heads = [cell.casefold() for cell in rows[0]] if rows else []
    if column := [place for place, head in enumerate(heads) if head in _HEADS]:
        others = [place for place, head in enumerate(heads) if head in _ALIAS_HEADS]
        return [_of_row(row, column[0], others) for row in rows[1:]]
    if len(rows) == 1:
        return rows[0]
    numbered = all(row[0].isdecimal() and len(row) > 1 for row in rows)
    return [_of_row(row, int(numbered), range(1 + numbered, len(row))) for row in rows]


def _of_row(row: Sequence[str], column: int, others: Iterable[int]) -> str:
    """The label of a row of a table, with its aliases from other columns, each of which may hold several."""
    aliases = [
        alias for place in others if place < len(row) for alias in re.split(r"[|;,]", row[place]) if alias.strip()
    ]
    return _with_aliases(row[column] if column < len(row) else "", aliases)


def _unquoted(text: str) -> str:
    bare = text.strip()
    return bare[1:-1] if len(bare) > 2 and bare[0] + bare[-1] in _QUOTES else text


def _check_one(text: str) -> None:
    """Refuse a text that holds several labels, as far as one can see, and warn of one that may."""
    if _is_several(text):
        raise LabelError(f"{shortened(text.strip())} would be one label; {HOW}")
    if len(text.split()) > MAX_WORDS:
        warnings.warn(
            f"{shortened(text.strip())} is taken as one label of {len(text.split())} words; {HOW}", stacklevel=2
        )


def _is_several(text: str) -> bool:
    """Whether a text seems to hold several labels, separated in a way that is not read."""
    return bool(_OTHER_SEPARATOR.search(text.strip()))


def _check_listed(texts: Sequence[object]) -> None:
    """Refuse what one item of a list holds by lines or tabs, and warn of an item that may hold several labels."""
    for text in texts:
        if isinstance(text, str) and (len(text.strip().splitlines()) > 1 or "\t" in text.strip()):
            raise LabelError(f"{shortened(text)} in a list holds several lines or a tab; give each label as an item")
    several = (each for each in texts if isinstance(each, str) and (_SEPARATOR.search(each) or _is_several(each)))
    if (first := next(several, None)) is not None:
        warnings.warn(
            f"{shortened(first.strip())} in a list is one label; give each label as an item, and words for the same as "
            '"sofa|couch"',
            stacklevel=2,
        )


def _wrong_type(labels: object) -> LabelError:
    return LabelError(f"labels must be a text, a list of texts or a path, not {type(labels).__name__}")


def _refuse_file_name(text: str) -> None:
    """Refuse a name of a file that stands where a label should be."""
    bare = text.removeprefix("@").strip()
    is_marked = text.startswith("@") and bool(bare)
    if is_marked or _FILE_NAME.fullmatch(text) or (re.search(r"[./\\]", text) and is_file(text)):
        raise LabelError(
            f"{shortened(text)} is the name of a file and no label; to read labels from it, give --labels "
            f"{shortened('@' + bare)} alone on the command line, or Path({shortened(bare)}) in Python"
        )


def _warn_of_file(text: str) -> None:
    """Warn of a label that is the name of a file as well."""
    if is_file(text) and not re.search(r"[./\\]", text):
        warnings.warn(f"{shortened(text)} is taken as a label, but a file has this name too; {HOW}", stacklevel=2)
