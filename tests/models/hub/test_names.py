"""Names of the hub are told from others as the hub's own library does."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st

from freeseg.models.hub import is_name


@pytest.mark.parametrize("name", ["a/b", "google/siglip2-base-patch16-224", "facebook/metaclip-b16-fullcc2.5b"])
def test_of_the_hub(name: str) -> None:
    assert is_name(name)


@given(st.text("aZ9_-./é \n", max_size=12))
@example("a/" + "b" * 96)
@example("a/" + "b" * 97)
@example("a/b.git")
@example("a/b\n")
def test_as_the_hubs_own_library_says(name: str) -> None:
    try:
        validate_repo_id(name)
        expected = "/" in name
    except HFValidationError:
        expected = False
    assert is_name(name) == expected
