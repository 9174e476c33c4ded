"""What `freeseg serve --engine ray` refuses; tests/scale/test_served.py has it answer."""

from __future__ import annotations

import pytest

from commands import Run, one_line
from freeseg import extras


def test_mistakes_take_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--replicas does not go with another engine than ray" in one_line(run("serve", "--replicas", 2))
    monkeypatch.setattr(extras, "is_installed", lambda package: True)
    assert "no cluster of Ray answers at 127.0.0.1:1" in one_line(
        run("serve", "--engine", "ray", "--address", "127.0.0.1:1", "--port", 0)
    )
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "grpc")
    assert 'needs Ray Serve; run: pip install "freeseg[ray-serve]"' in one_line(run("serve", "--engine", "ray"))
