"""What mkdocs does besides rendering: pages that are generated, and the marks of code that tests do not run."""

from __future__ import annotations

import re
from pathlib import Path

import command_reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

NOT_RUN = re.compile(r'^(\s*```\w+) no-run="([^"]+)"', re.MULTILINE)
# Documents at the root of the repository that are pages of the site as well.
ROOT_DOCUMENTS = {
    "CONTRIBUTING.md": "development/contributing.md",
    "CHANGELOG.md": "development/changelog.md",
    "SECURITY.md": "development/security.md",
}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that no file below `docs` holds."""
    files.append(File.generated(config, "reference/commands.md", content=command_reference.page()))
    root = Path(config.config_file_path).parent
    for name, place in ROOT_DOCUMENTS.items():
        files.append(File.generated(config, place, content=_links_from_docs((root / name).read_text("utf-8"))))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Say above a block of code why the tests do not run it: the mark's reason becomes the block's title."""
    return NOT_RUN.sub(lambda mark: f'{mark[1]} title="{mark[2][0].upper()}{mark[2][1:]}"', markdown)


def _links_from_docs(text: str) -> str:
    """Links of a document at the root, as they are from a page in `docs/development`."""
    text = re.sub(r"\]\(docs/", "](../", text)
    for name, place in ROOT_DOCUMENTS.items():
        text = text.replace(f"]({name}", f"](../{place}")
    return re.sub(r"\[([^\]]+)\]\((?!\.\./|https?:|#|mailto:)([^)\s]+)\)", r"\1 (`\2`)", text)
