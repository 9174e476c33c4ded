"""What the documentation names is there: modules and functions, files and folders, links."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import documented

DOTTED = re.compile(r"(?<![\w./@-])freeseg(?:\.[A-Za-z_]\w*)+")
INSIDE = re.compile(r"(?<![\w./-])(?:src|docs|tests|examples|experiments|benchmarks)/[\w./-]*\w")
LINK = re.compile(r"\]\(([^)\s#]+)")
# Pages that mkdocs makes.
GENERATED = {
    "reference/commands.md",
    "development/contributing.md",
    "development/changelog.md",
    "development/security.md",
}


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError as error:
            if not dotted.startswith(error.name or "?"):  # something that the module itself needs
                raise
            continue
        for name in parts[count:]:
            if not hasattr(found, name):
                return name in getattr(found, "__annotations__", {})
            found = getattr(found, name)
        return True
    return False


@pytest.mark.parametrize("page", documented.documents())
def test_dotted_names(page: str) -> None:
    missing = {name for name in DOTTED.findall(documented.text(page)) if not exists(name)}
    assert not missing


@pytest.mark.parametrize("page", documented.documents())
def test_paths(page: str) -> None:
    prose = LINK.sub("](", documented.text(page))  # `test_links` looks at their targets
    paths = {path for path in INSIDE.findall(prose) if not path.rpartition("/")[2].isupper()}  # NAME stands for a name
    missing = {path for path in paths if not (documented.ROOT / path).exists()}
    assert not missing


@pytest.mark.parametrize("page", documented.documents())
def test_links(page: str) -> None:
    folder = (documented.ROOT / page).parent
    for target in LINK.findall(documented.text(page)):
        if target.startswith(("http", "mailto:")):
            continue
        place = (folder / target).resolve()
        assert place.exists() or _in_docs(place) in GENERATED, target


def _in_docs(path: Path) -> str:
    docs = documented.ROOT / "docs"
    return path.relative_to(docs).as_posix() if path.is_relative_to(docs) else ""


def test_the_picture_has_every_room() -> None:
    """The rooms at the foot of docs/pictures/architecture.svg are the modules and folders of src/freeseg."""
    picture = documented.text("docs/pictures/architecture.svg").partition("The rooms of src/freeseg")[2]
    drawn = {name for label in re.findall(r">([a-z_ ]+)</text>", picture) for name in label.split()}
    source = documented.ROOT / "src" / "freeseg"
    rooms = {path.stem for path in source.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    caption = {"segment", "one", "photo", "after", "another"}
    assert {room for room in rooms if not room.startswith("_")} == drawn - caption
