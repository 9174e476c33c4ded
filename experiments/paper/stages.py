"""A stage of the experiment: it runs once, and its outcome is a file that later runs read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freeseg.errors import FreeSegError
from freeseg.files import json_text, write_text
from freeseg.training import processes

Outcome = dict[str, float]


@dataclass(frozen=True)
class Stage:
    """A stage.

    Attributes:
        name: Of its outcome's file.
        what: What it does, for people.
        settings: All that decides the outcome: texts, numbers, lists and mappings of them.
        run: Does it; gives the numbers that are kept. Of several processes, all call it.
    """

    name: str
    what: str
    settings: Mapping[str, Any]
    run: Callable[[], Mapping[str, float]]


def outcome_of(stage: Stage, out: Path) -> Outcome | None:
    """The outcome of a stage that is done; None of one that is not.

    Raises:
        FreeSegError: It was done with other settings.
    """
    file = _file(stage, out)
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    wanted = json.loads(json_text(dict(stage.settings)))
    if found["settings"] != wanted:
        changed = sorted(
            name for name in {*found["settings"], *wanted} if found["settings"].get(name) != wanted.get(name)
        )
        raise FreeSegError(
            f"{file}: {stage.what} was done with other settings ({', '.join(changed)}); choose another --out"
        )
    outcome: Outcome = found["outcome"]
    return outcome


def run_stages(stages: Sequence[Stage], out: Path, say: Callable[[str], None]) -> dict[str, Outcome]:
    """Run the stages that are not done; gives the outcomes of all, by name."""
    outcomes: dict[str, Outcome] = {}
    for number, stage in enumerate(stages, start=1):
        known = processes.from_first(lambda stage=stage: outcome_of(stage, out))  # type: ignore[misc]
        place = f"[{number}/{len(stages)}] {stage.what}"
        if known is None:
            say(place)
            known = dict(stage.run())
            if processes.index() == 0:
                write_text(_file(stage, out), json_text({"settings": dict(stage.settings), "outcome": known}))
        else:
            say(f"{place}: done before")
        outcomes[stage.name] = known
    return outcomes


def _file(stage: Stage, out: Path) -> Path:
    return out / "stages" / f"{stage.name}.json"
