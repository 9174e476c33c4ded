"""What the commands print: names from strangers are shown, and the terminal does not obey them."""

from __future__ import annotations

import ast
import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from rich.table import Table

import freeseg.cli
from commands import Run, one_line
from freeseg.cli import output, progress
from freeseg.errors import FreeSegError

FOLDER = Path(freeseg.cli.__file__).parent
STRANGE = "a\x1b[2J\x1b]0;title\x07\x9b1m\u202eb"
SHOWN = r"a\x1b[2J\x1b]0;title\x07\x9b1m\u202eb"


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed on a console of rich, as on a terminal."""
    written, plain_console = io.StringIO(), output.console

    def console(*, stderr: bool = False) -> object:
        made = plain_console(stderr=stderr)
        made.file, made._force_terminal, made.width = written, True, 200
        return made

    monkeypatch.setattr(output, "console", console)
    monkeypatch.setattr(progress, "console", console)
    return written


def test_nothing_prints_but_the_shared_output() -> None:
    for path in FOLDER.glob("*.py"):
        if path.name == "output.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            each.attr if isinstance(each, ast.Attribute) else each.id
            for each in ast.walk(tree)
            if isinstance(each, ast.Attribute | ast.Name)
        }
        imported = {alias.name for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) for alias in each.names}
        assert not {"echo", "secho", "Console", "stdout.write"} & (names | imported), path


def test_control_characters_become_escapes() -> None:
    assert output.plain(STRANGE) == SHOWN
    every = "".join(map(chr, range(0x3000)))
    kept = output.plain(every)
    assert all(each.isprintable() or each in "\n\t" or ord(each) >= 0xA0 for each in kept)
    assert "\u2066" not in kept
    assert output.plain("Katze \N{CAT FACE} \u732b\n\tcaf\u00e9") == "Katze \N{CAT FACE} \u732b\n\tcaf\u00e9"


def test_a_table_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    written = on_terminal(monkeypatch)
    table = Table("label", title=STRANGE)
    table.add_row(f"[bold]{STRANGE}[/bold] :cat:")
    terminal = output.console()
    terminal.print(table)
    terminal.print(f"[red]{STRANGE}[/red]")
    text = written.getvalue()
    assert f"[bold]{SHOWN}[/bold] :cat:" in text
    assert f"[red]{SHOWN}[/red]" in text
    assert "\x1b[2J" not in text
    assert "\x07" not in text


def test_the_remark_of_a_progress_bar_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    written = on_terminal(monkeypatch)
    with progress.progress("photos") as update:
        update(1, 2, f"[bold]x[/bold] [/nothing] {STRANGE}")
    text = written.getvalue()
    assert f"[bold]x[/bold] [/nothing] {SHOWN}" in text
    assert "\x1b]0;" not in text


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = output.error_text(f"no model {'x' * 5_000}; use another")
    assert text.startswith("freeseg: no model xxx")
    assert text.endswith("xxx; use another")
    assert len(text) < 1_100


def test_an_error_and_a_warning_are_escaped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        freeseg.cli._show_warning(f"strange {STRANGE}")
        raise FreeSegError(f"no file {STRANGE}")

    monkeypatch.setattr(freeseg.cli, "app", fail)
    done = run("models")
    assert done.err.splitlines() == [f"freeseg: warning: strange {SHOWN}", f"freeseg: no file {SHOWN}"]


@pytest.mark.usefixtures("on_tiny")
def test_photos_and_labels_with_escape_sequences(run: Run, tmp_path: Path) -> None:
    (folder := tmp_path / "in").mkdir()
    Image.new("RGB", (40, 30)).save(folder / "\x1b[2Ja.png")
    (folder / "\x1b[2Jb.png").write_bytes(b"no picture")
    for photos in (folder, folder / "\x1b[2Ja.png"):
        done = run("segment", photos, "--labels", "dog, [bold]cat\x1b[31m", "-o", tmp_path / "out")
        assert "\x1b" not in done.out + done.err


def test_a_licence_with_escape_sequences(run: Run, tmp_path: Path) -> None:
    source = freeseg.models.embedded_folder("freeseg-lite-iclip")
    config = json.loads((source / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"licence": f"MIT {STRANGE}"}), "utf-8")
    done = run("models", tmp_path)
    assert f"licence: MIT {SHOWN}" in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("segment", "", "-l", "cat"),
        ("label", "", "-l", "cat", "-o", "x"),
        ("heatmap", "", "-l", "a"),
        ("segment", "x.jpg", "-l", "cat", "--out", ""),
        ("segment", "x.jpg", "-l", "cat", "--overwrite", ""),
        ("compare", "a", "b", "--markdown", ""),
    ],
)
def test_an_empty_argument_is_not_the_current_folder(run: Run, arguments: tuple[str, ...]) -> None:
    assert one_line(run(*arguments)) == (
        'freeseg: an argument is empty (""); give it a value, or leave it and its option out'
    )


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["segment", "--help"], ["models", "freeseg-lite"]])
def test_what_cannot_be_printed_is_told_in_one_line(
    arguments: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device, not a file
        monkeypatch.setattr("sys.stdout", full)
        line = one_line(run(*arguments))
        monkeypatch.undo()
        assert line == (
            "freeseg: what this command prints cannot be written: No space left on device; "
            "what it wrote to files is kept"
        )
        with suppress(OSError):  # of what is left in its buffer
            full.close()


@pytest.mark.usefixtures("on_tiny")
def test_nothing_stops_because_stderr_cannot_be_written(
    run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo.parent / "broken.jpg").write_bytes(b"no picture")
    out = tmp_path / "out"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", full)
        assert run("segment", photo.parent, "--labels", "cat", "--out", out).code == 1
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()
    assert (out / "noise.mask.png").exists()
