"""The Dockerfile, as far as it can be checked without Docker: by hadolint, and that what it copies is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_it_copies_is_there_and_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied == let_in
    for name in copied:
        assert (ROOT / name).exists()


def test_it_runs_without_rights_and_is_asked_for_its_health() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 65534:65534$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/ready" in last
    assert 'ENTRYPOINT ["freeseg", "serve"' in last
    assert "PYTHONDONTWRITEBYTECODE=1" in last
    assert "torch" not in DOCKERFILE.lower().replace("no pytorch", "")
