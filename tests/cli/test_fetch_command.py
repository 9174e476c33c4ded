"""`freeseg fetch` and `freeseg models NAME`: what a model is before it is fetched, and then its files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import freeseg.cli
from freeseg.cli.models import megabytes
from freeseg.models import DEFAULT, embedded_folder
from freeseg.models.hub.repository import known_models
from hub_server import NEEDED, WHOLE, Hub, Model, commit, connected, serve

NAME = "some/clip"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine that has `NAME`, and an empty cache."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    with connected({NAME: Model()}, tmp_path / "home", monkeypatch) as server:
        yield server


def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int | str | None, str]:
    """The exit code, a line where something was wrong, and what was printed; nothing else on stderr."""
    monkeypatch.setattr(sys, "argv", ["freeseg", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        freeseg.cli.main()
    printed = capsys.readouterr()
    assert printed.err == ""
    return ended.value.code, printed.out


def facts(printed: str) -> dict[str, str]:
    """The lines `fact: value`."""
    pairs = (line.partition(": ") for line in printed.splitlines() if "│" not in line)
    return {fact: value for fact, colon, value in pairs if colon}


@pytest.mark.slow
def test_the_program_from_end_to_end(tmp_path: Path) -> None:
    """In processes of their own, with the variables that a user has."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}

    def program(endpoint: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "COLUMNS": "120", **more}
        command = [sys.executable, "-m", "freeseg", *arguments]
        return subprocess.run(command, env={**clean, **own}, capture_output=True, text=True, check=False, cwd=tmp_path)

    with serve({NAME: Model()}) as hub:
        done = program(hub.address, "fetch", NAME)
        assert (done.returncode, done.stderr) == (0, "")
        folder = tmp_path / "home" / "hub" / "models--some--clip" / "snapshots" / commit("main")
        assert f"some/clip is in {folder}; use it with --model some/clip\n" in done.stdout
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: WHOLE[name] for name in NEEDED}
        address = hub.address
    done = program(address, "fetch", NAME, HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to fetch" in done.stdout
    done = program(address, "fetch", "some/other")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("freeseg: there is no folder some/other, and it cannot be fetched from huggingface.co (")
    assert "git clone https://huggingface.co/some/other" in line
    assert "127.0.0.1" not in line


class TestFetch:
    def test_a_dry_run_fetches_nothing(
        self, here: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        code, printed = said(monkeypatch, capsys, "fetch", NAME, "--dry-run")
        assert not code
        assert all(f"│ {name} " in printed for name in NEEDED)
        assert "flax_model.msgpack" not in printed
        shown = facts(printed)
        assert shown["kind"].startswith("clip: images and words")
        assert shown["licence"] == "mit"
        assert shown["commit"] == commit("main")
        total = sum(len(WHOLE[name]) for name in NEEDED)
        assert shown["size"] == f"{megabytes(total)}, of which {megabytes(total)} are not here yet"
        assert shown["kept in"].startswith(str(tmp_path / "home" / "hub" / "models--some--clip"))
        assert printed.endswith("to fetch; nothing was\n")
        assert here.fetched == set()
        assert not (tmp_path / "home" / "hub").exists()

    def test_a_revision(self, here: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        here.models[NAME].revisions["v2"] = {**WHOLE, "model.safetensors": b"second"}
        code, printed = said(monkeypatch, capsys, "fetch", NAME, "--revision", "v2")
        assert not code
        assert commit("v2") in printed
        assert "--model some/clip --revision v2" in printed

    def test_a_pickle_is_said_to_be_one(
        self, here: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        del here.models[NAME].revisions["main"]["model.safetensors"]
        code, printed = said(monkeypatch, capsys, "fetch", NAME)
        assert not code
        assert facts(printed)["weights"] == "a pickle, of which only tensors are read"
        assert "pytorch_model.bin" in here.fetched

    def test_a_gated_model_is_shown_and_then_refused(
        self, here: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        here.models[NAME].gated = "auto"
        here.models[NAME].card = {}
        code, printed = said(monkeypatch, capsys, "fetch", NAME)
        assert facts(printed)["gated"].startswith("yes: ask for access at https://huggingface.co/some/clip")
        assert facts(printed)["licence"] == "not stated; see https://huggingface.co/some/clip"
        assert str(code).startswith("freeseg: some/clip is gated: ")
        assert len(str(code).splitlines()) == 1

    def test_what_ships_is_not_fetched(
        self, here: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, _ = said(monkeypatch, capsys, "fetch", DEFAULT)
        assert "ships with FreeSeg: there is nothing to fetch" in str(code)
        assert here.asked == []


class TestModels:
    def test_what_does_not_ship_is_marked(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        code, printed = said(monkeypatch, capsys, "models")
        assert not code
        assert DEFAULT in printed.partition("not shipped")[0]
        others = printed.partition("not shipped")[2]
        for model in known_models():
            assert model.name in others
            assert f"{model.megabytes:,} MB" in others

    def test_of_the_hub(self, here: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        code, printed = said(monkeypatch, capsys, "models", NAME)
        assert not code
        assert facts(printed)["licence"] == "mit"
        assert here.fetched == set()

    @pytest.mark.parametrize(
        ("kind", "said_of_it"),
        [
            ("siglip", "images and words"),
            ("dinov2", "images only"),
            ("clip_text_model", "a text tower only"),
            ("llama", "not a kind that FreeSeg reads"),
        ],
    )
    def test_of_a_folder(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        kind: str,
        said_of_it: str,
    ) -> None:
        (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}"}}')
        (tmp_path / "model.safetensors").write_bytes(b"0" * 5_000_000)
        code, printed = said(monkeypatch, capsys, "models", tmp_path)
        assert not code
        shown = facts(printed)
        assert shown["kind"].startswith(f"{kind}: ")
        assert said_of_it in shown["kind"]
        assert shown["size"] == "5.0 MB, of which 0 MB are not here yet"
        assert shown["licence"] == "not stated"

    def test_of_a_folder_that_freeseg_wrote(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        for name in (DEFAULT, embedded_folder(DEFAULT)):
            code, printed = said(monkeypatch, capsys, "models", name)
            assert not code
            assert "10.8 MB" in printed
            assert "all-minilm-l6-v2" in printed

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            ([DEFAULT, "--revision", "v2"], "ships with FreeSeg and has no revision 'v2'"),
            (["nothing"], "there is no folder 'nothing'"),
            (["some/other"], "no model of that name on huggingface.co"),
            ([NAME, "--revision", "v9"], "has no revision 'v9'"),
            (["."], ". holds no config.json"),
        ],
    )
    def test_mistakes(
        self,
        here: Hub,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        line: str,
    ) -> None:
        code, printed = said(monkeypatch, capsys, "models", *arguments)
        assert line in str(code)
        assert str(code).startswith("freeseg: ")
        assert len(str(code).splitlines()) == 1
        assert printed == ""
