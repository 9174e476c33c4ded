"""What the hub's room offers, and what of it comes without the hub's own library."""

from __future__ import annotations

import subprocess
import sys

import pytest

from freeseg.models import hub
from freeseg.models.hub import repository


def test_all_that_it_names_is_there() -> None:
    assert all(hasattr(hub, name) for name in hub.__all__)
    assert hub.resolve is repository.resolve
    with pytest.raises(AttributeError, match="no attribute 'upload'"):
        _ = hub.upload


def test_known_models_and_names_need_no_huggingface_hub() -> None:
    code = """
import sys
sys.modules["huggingface_hub"] = None
from freeseg.models import hub
print(len(hub.known_models()) > 3, hub.is_name("owner/name"), "required_files" in dir(hub))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True True True\n", done.stderr
