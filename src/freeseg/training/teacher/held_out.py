"""How well a teacher finds the photos of captions that it was not trained on."""

from __future__ import annotations

import numpy as np
import torch

from freeseg.evaluation.metrics.retrieval import recall_at
from freeseg.models.iclip import ICLIP
from freeseg.training.teacher.data import TeacherData

PHOTOS = 100  # whose patches are embedded at once


@torch.inference_mode()
def retrieval(model: ICLIP, data: TeacherData, device: torch.device) -> dict[str, float]:
    """Text-to-image recall at 1 and 5 on the held-out photos; empty where there are none.

    A photo is the plain mean of its patches, whatever pooling the training uses.
    """
    if not data.held_out:
        return {}
    rows = np.array([photo.row for photo in data.held_out])
    images = torch.cat(
        [
            model.image_head(torch.from_numpy(data.features[part]).to(device).float()).mean(dim=1)
            for part in np.array_split(rows, max(1, len(rows) // PHOTOS))
        ]
    )
    captions = np.concatenate([photo.captions for photo in data.held_out])
    photo_of_caption = np.repeat(np.arange(len(rows)), [len(photo.captions) for photo in data.held_out])
    texts = model.text_head(torch.from_numpy(data.texts[captions]).to(device))
    return recall_at(images.cpu().numpy(), texts.cpu().numpy(), photo_of_caption, (1, 5))
