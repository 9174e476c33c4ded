"""Docstrings as mkdocstrings reads them: a section "Example:" is code that runs, as "Examples:" is."""

from __future__ import annotations

import re

import griffe

HEADING = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class ExampleSections(griffe.Extension):
    """Give every section "Example:" the name under which griffe knows such sections."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rename the section in one docstring."""
        if obj.docstring:
            obj.docstring.value = HEADING.sub(r"\1Examples:", obj.docstring.value)
