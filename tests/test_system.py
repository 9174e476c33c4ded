"""What differs between systems is in one file."""

from __future__ import annotations

import multiprocessing
import re
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import freeseg
from freeseg import system
from freeseg.system import (
    available_cores,
    cache_folder,
    children_without_interrupt,
    give_back_memory,
    renames_open_files,
)

SOURCE = Path(freeseg.__file__).parent
ONLY_SOME_HAVE = re.compile(
    r"""\bimport[ ](fcntl|grp|msvcrt|pty|pwd|resource|termios|winreg)\b|/proc/
    |\bos\.(O_(?!CREAT\b|EXCL\b|RDWR\b)\w+|chown|fork|getuid|killpg|mkfifo|name|nice|sched_\w+|setsid|uname)\b
    |\bsignal\.(SIGALRM|SIGHUP|SIGKILL|alarm|pthread_\w+|setitimer)\b|\bget_context\(["']fork""",
    re.VERBOSE,
)


def test_no_other_file_calls_what_only_some_systems_have() -> None:
    calls = {
        f"{path.relative_to(SOURCE)}: {found.group()}"
        for path in SOURCE.rglob("*.py")
        if path.name != "system.py"
        for found in ONLY_SOME_HAVE.finditer(path.read_text(encoding="utf-8"))
    }
    assert not calls


def test_there_is_at_least_one_core_however_the_system_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_cores() >= 1
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert available_cores() >= 1
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert available_cores() == 1


def test_windows_guards_open_files_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert not renames_open_files()


def test_a_child_is_started_without_ctrl_c_where_signals_can_be_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with children_without_interrupt():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    monkeypatch.delattr(signal, "pthread_sigmask")
    with children_without_interrupt():
        assert multiprocessing.active_children() == multiprocessing.active_children()


def test_freed_memory_is_given_back_where_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back_memory()  # whatever this system has
    asked: list[int] = []
    for library in (SimpleNamespace(malloc_trim=asked.append), SimpleNamespace(), None):
        monkeypatch.setattr(system, "_c_library", lambda library=library: library)
        give_back_memory()
    assert asked == [0]


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "HOME/.cache/freeseg"),
        ("linux", {"XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere/freeseg"),
        ("darwin", {}, "HOME/Library/Caches/freeseg"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/freeseg"),
        ("win32", {}, "HOME/.cache/freeseg"),
        ("linux", {"FREESEG_CACHE": "/mine", "XDG_CACHE_HOME": "/elsewhere"}, "/mine"),
        ("linux", {"FREESEG_CACHE": "~/mine"}, "HOME/mine"),
        ("linux", {"FREESEG_CACHE": ""}, "HOME/.cache/freeseg"),
    ],
)
def test_the_cache_of_the_user(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variables: dict[str, str],
    expected: str,
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "FREESEG_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**variables, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert str(cache_folder()) == expected.replace("HOME", str(tmp_path))


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FREESEG_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None


@pytest.mark.parametrize("off", ["off", "OFF", "0", "no", " false "])
def test_a_cache_that_is_turned_off(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_CACHE", off)
    assert cache_folder() is None
