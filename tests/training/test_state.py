"""The state of a training: it comes back whole, or the settings that changed are named."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.errors import FreeSegError, OutputError
from freeseg.training import state

CPU = torch.device("cpu")
SETTINGS = st.dictionaries(
    st.sampled_from(["tau", "pooling", "heads", "image tower"]),
    st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.integers()),
)


def refusal(run: Path, now: dict[str, object]) -> str:
    with pytest.raises(FreeSegError) as caught:
        state.read(run, now, CPU)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    assert state.read(tmp_path / "never", {"tau": 0.5}, CPU) is None


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_said_and_leaves_the_last_state(tmp_path: Path) -> None:
    (tmp_path / state.FILE).write_bytes(b"the last state")
    with pytest.raises(OutputError, match=r"cannot write .*state\.pt"):
        state.write(tmp_path, {}, {"weight": torch.zeros(10_000)})
    assert [path.name for path in tmp_path.iterdir()] == [state.FILE]
    assert (tmp_path / state.FILE).read_bytes() == b"the last state"


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    state.write(tmp_path / "new" / "run", {"tau": 0.5}, {"step": 3, "heads": {"weight": weight}})
    found = state.read(tmp_path / "new" / "run", {"tau": 0.5}, CPU)
    assert found is not None
    assert found.keys() == {"step", "heads"}
    assert found["step"] == 3
    assert torch.equal(found["heads"]["weight"], weight)


@settings(max_examples=40, deadline=None)
@given(SETTINGS, SETTINGS)
def test_only_the_same_settings_go_on(before: dict[str, object], now: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state.write(Path(folder), before, {"step": 1})
        assert state.read(Path(folder), dict(reversed(before.items())), CPU) == {"step": 1}
        if before != now:
            with pytest.raises(FreeSegError, match="holds a training with other settings"):
                state.read(Path(folder), now, CPU)


def test_what_changed_is_named_and_nothing_else(tmp_path: Path) -> None:
    state.write(tmp_path, {"tau": 0.5, "seed": 0, "attention tower": "dino"}, {})
    said = refusal(tmp_path, {"tau": 2.0, "seed": 0, "image tower": "clip"})
    changes = "(tau 0.5 -> 2.0, image tower None -> clip, attention tower dino -> None)"
    assert said == f"{tmp_path} holds a training with other settings {changes}; choose another --out, or remove it"


def test_a_hash_is_shown_by_its_first_digits(tmp_path: Path) -> None:
    first, second = "0123456789abcdef" * 4, "fedcba9876543210" * 4
    state.write(tmp_path, {"image tower": f"{first} raw"}, {})
    assert "image tower 01234567 raw -> fedcba98 raw)" in refusal(tmp_path, {"image tower": f"{second} raw"})


def test_how_many_processes_there_were_does_not_matter(tmp_path: Path) -> None:
    state.write(tmp_path, {"tau": 0.5, "processes": 2}, {"step": 3})
    assert state.read(tmp_path, {"tau": 0.5}, torch.device("cpu", 0)) == {"step": 3}


class Attack:
    """What a pickle can do when it is opened."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("write", [pickle.dumps, torch.save])
def test_code_in_a_state_is_never_run(tmp_path: Path, write: Callable[..., object]) -> None:
    run, mark = tmp_path / "run", tmp_path / "it ran"
    run.mkdir()
    content = {"settings": {}, "step": 0, "attack": Attack(mark)}
    if write is torch.save:
        torch.save(content, run / state.FILE)
    else:
        (run / state.FILE).write_bytes(pickle.dumps(content))
    said = refusal(run, {})
    assert not mark.exists()
    assert said.startswith(f"{run / state.FILE} is no state of a training that can go on (")
    assert said.endswith("; remove it to begin anew")
    with suppress(RuntimeError):
        torch.load(run / state.FILE, weights_only=False)  # or the attack would prove nothing
    assert mark.exists()


@pytest.mark.parametrize(
    "content", [b"", b"no state", [1, 2], {"step": 1}, {"settings": [], "step": 1}, {"settings": {3: 4}, "step": 1}, 7]
)
def test_a_damaged_state_is_one_line_that_says_what_to_do(tmp_path: Path, content: object) -> None:
    if isinstance(content, bytes):
        (tmp_path / state.FILE).write_bytes(content)
    else:
        torch.save(content, tmp_path / state.FILE)
    assert refusal(tmp_path, {}).endswith("; remove it to begin anew")


def test_a_state_that_was_cut_short(tmp_path: Path) -> None:
    state.write(tmp_path, {}, {"step": 1, "heads": torch.zeros(500)})
    whole = (tmp_path / state.FILE).read_bytes()
    for length in range(0, len(whole), len(whole) // 7):
        (tmp_path / state.FILE).write_bytes(whole[:length])
        assert "; remove it to begin anew" in refusal(tmp_path, {})


def test_a_setting_without_end_is_cut(tmp_path: Path) -> None:
    state.write(tmp_path, {"seed": "x" * 5_000}, {"step": 1})
    assert len(refusal(tmp_path, {"seed": 0})) < 600
