"""Lists of labels in YAML: names, lists and tables, and nothing else that YAML can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from freeseg.errors import LabelError, reason, shortened
from freeseg.extras import require

_DEEPEST = 20  # lists inside lists; labels need four
_NOTHING = ("", "~", "null", "Null", "NULL")


def parse_yaml(text: str) -> Any:
    r"""The lists, tables and texts of a YAML file, as `json.loads` gives those of JSON.

    Numbers without a point are numbers; all else that is written without quotes is text, so that `no` and `1.5` are
    names. No object is made of what a tag names, and no alias (`*name`) is put in, so that a small file stays small.

    Args:
        text: What the file holds: one document.

    Raises:
        FreeSegError: PyYAML is not installed.
        LabelError: It is no YAML, or has tags, aliases, several documents, or lists that are nested too deeply.

    Example:
        >>> parse_yaml("- cat|kitten\n- no"), parse_yaml("sofa: [couch]\ndog:")
        (['cat|kitten', 'no'], {'sofa': ['couch'], 'dog': None})
    """
    require("yaml", what="a list of labels in YAML")
    import yaml

    events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        return _document(events)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        why = getattr(error, "problem", None) or reason(error)
        raise LabelError(f"labels are read as YAML, and this is none ({line}{why}); write one label a line") from error


def _document(events: Iterator[Any]) -> Any:
    value: Any = None
    documents = 0
    for event in events:
        if type(event).__name__ == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise LabelError("labels in YAML are one document; remove what is after the second ---")
            value = _value(next(events), events, 0)
    return value


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:
    """The value that begins with an event; those that it consists of are taken."""
    kind = type(event).__name__
    if kind == "AliasEvent":
        raise LabelError(f"labels in YAML may not have aliases ({shortened('*' + event.anchor)}); write the words out")
    if event.tag is not None:
        raise LabelError(f"labels in YAML may not have tags ({shortened(event.tag)}); write names and lists alone")
    if kind == "ScalarEvent":
        return _scalar(event.value, is_plain=event.implicit[0])
    if depth == _DEEPEST:
        raise LabelError("labels in YAML are nested too deeply; give a list, or a table from names to aliases")
    if kind == "SequenceStartEvent":
        return list(_items(events, "SequenceEndEvent", depth))
    return {_key(key): value for key, value in _pairs(events, depth)}


def _items(events: Iterator[Any], end: str, depth: int) -> Iterator[Any]:
    while type(event := next(events)).__name__ != end:
        yield _value(event, events, depth + 1)


def _pairs(events: Iterator[Any], depth: int) -> Iterator[tuple[Any, Any]]:
    items = _items(events, "MappingEndEvent", depth)
    return zip(items, items, strict=True)


def _key(key: Any) -> Any:
    if isinstance(key, list | dict):
        raise LabelError("a name in a YAML table must be text, and not a list or table; put it in quotes")
    return "" if key is None else key


def _scalar(text: str, *, is_plain: bool) -> Any:
    if not is_plain:
        return text
    if text in _NOTHING:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
