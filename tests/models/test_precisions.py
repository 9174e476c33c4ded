"""The names of precisions."""

from __future__ import annotations

from freeseg.models.precisions import canonical_precision


def test_short_names_are_known_and_others_kept() -> None:
    assert canonical_precision("bf16") == canonical_precision("bfloat16") == "bfloat16"
    assert canonical_precision("half") == canonical_precision("fp16") == "float16"
    assert canonical_precision("int3") == "int3"
