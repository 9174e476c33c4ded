"""Free attention of a class token, on any photo."""

from __future__ import annotations

from pathlib import Path

import torch

from freeseg.models.towers import family_of


@torch.inference_mode()
def test_of_a_photo_it_lies_between_nought_and_one(folders: dict[str, Path]) -> None:
    dinov2 = str(folders["dinov2"])
    attention = family_of(dinov2).open_attention(dinov2)
    photo = torch.randint(0, 256, (2, 3, 60, 60), dtype=torch.uint8)
    found = attention(photo, 4)
    assert found.shape == (2, 1, 4, 4)
    assert found.amin(dim=(1, 2, 3)).tolist() == [0.0, 0.0]
    assert found.amax(dim=(1, 2, 3)).tolist() == [1.0, 1.0]
