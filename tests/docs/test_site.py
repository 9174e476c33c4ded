"""The site: it builds without a warning, and its command reference has every command and every option."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import documented
import freeseg
from freeseg.cli import app

PROGRAM: Any = typer.main.get_command(app)


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The module that writes the command reference when the site is built."""
    path = documented.ROOT / "docs" / "hooks" / "command_reference.py"
    spec = importlib.util.spec_from_file_location("command_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_is_in_the_reference(reference: ModuleType) -> None:
    headings = [line.removeprefix("## freeseg ") for line in reference.page().splitlines() if line.startswith("## ")]
    assert headings == list(PROGRAM.commands)


@pytest.mark.parametrize("name", list(PROGRAM.commands))
def test_every_option_is_in_the_reference_with_its_help(reference: ModuleType, name: str) -> None:
    command = PROGRAM.commands[name]
    section = reference.section(name, command)
    rows = [line for line in section.splitlines() if line.startswith("|")]
    for parameter in command.params:
        if parameter.param_type_name == "option":
            (row,) = [row for row in rows if f"`{parameter.opts[0]}`" in row.split(" | ")[0]]
            assert all(f"`{spelling}`" in row for spelling in (*parameter.opts, *parameter.secondary_opts))
            default = str(parameter.default)
            assert parameter.default is None or parameter.required or default in ("", "True", "False") or default in row
        else:
            (row,) = [row for row in rows if parameter.name.upper() in row or (parameter.metavar or "?") in row]
        assert parameter.help, f"freeseg {name} {parameter.opts[0]} has no help"
        assert " ".join(parameter.help.partition(" [default")[0].split()).replace("|", "\\|") in row
    assert " ".join(command.help.split())[:40] in " ".join(section.split())


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason='the site needs: pip install "freeseg[docs]"')
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=documented.ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in documented.pages()[1:]:
        assert (tmp_path / page.removeprefix("docs/")).with_suffix(".html").is_file()
    reference = {page.stem: page.read_text("utf-8") for page in (tmp_path / "reference").glob("*.html")}
    assert 'id="freeseg-segment"' in reference["commands"]
    public = {f"freeseg.{name}" for name in freeseg.__all__ if name != "FreeSegError"} | {"freeseg.errors.FreeSegError"}
    assert not {name for name in public if not any(f'id="{name}"' in text for text in reference.values())}
