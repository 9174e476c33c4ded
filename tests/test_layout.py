"""The order of the rooms: which part of FreeSeg may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import freeseg
from freeseg.models.towers import known_names

SOURCE = Path(freeseg.__file__).parent
# A room is a module or a folder of src/freeseg. It imports from itself and from the rooms before it, nothing else.
ROOMS = (
    "errors",
    "bounds",
    "extras",
    "old_names",
    "system",
    "urls",
    "files",
    "places",
    "prefetch",
    "mask_values",
    "photos",
    "decision",
    "words",
    "models",
    "engines",
    "results",
    "prepared",
    "pretrained",
    "pipeline",
    "loading",
    "large",
    "data",
    "labelling",
    "evaluation",
    "training",
    "export",
    "serve",
    "distributed",
    "cli",
)
HEAVY = {"torch", "transformers", "numpy", "PIL", "safetensors", "onnxruntime"}  # seconds to import, all together


def modules() -> list[Path]:
    """The modules of all rooms; `freeseg` and `freeseg.__main__` are doors to them."""
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or not path.name.startswith("__"))


def room_of(path: Path) -> str:
    """The room that a module is in."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    """The rooms that a module imports from, wherever in the module it does; not what only type checkers see."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relative to itself"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if package == "freeseg" and room in ROOMS:
                yield room


def test_every_module_is_in_a_room() -> None:
    assert {room_of(path) for path in modules()} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_itself_and_from_rooms_before_it(room: str) -> None:
    allowed = ROOMS[: ROOMS.index(room) + 1]
    wrong = {
        f"{path.relative_to(SOURCE)} imports {other}"
        for path in modules()
        if room_of(path) == room
        for other in imported_rooms(path)
        if other not in allowed
    }
    assert not wrong


def test_only_its_family_knows_a_tower_by_name() -> None:
    families = SOURCE / "models" / "towers"
    named = {
        f"{path.relative_to(SOURCE)}:{node.lineno} says {node.value!r}"
        for path in modules()
        if not path.is_relative_to(families)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in known_names()
    }
    assert not named


@pytest.mark.parametrize("code", ["import freeseg", "import sys; sys.argv = ['freeseg']; import freeseg.cli"])
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    loaded = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
