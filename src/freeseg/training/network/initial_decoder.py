"""The decoder that a training starts from: its coarsest path fitted by least squares, the finer paths at zero.

From random weights a decoder needs thousands of steps to find the joint space. Its coarsest map sees what the teacher
sees, so a linear map between the two can be fitted directly: a reduced-rank regression (Izenman 1975).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.decision.itsm import EPSILON
from freeseg.models.network import SegmentationNetwork
from freeseg.photos import resize, to_array
from freeseg.photos.references import PhotoReference
from freeseg.training.features import GRID, SIDE

MAX_PHOTOS = 1_500  # each gives GRID * GRID equations
RIDGE = 1e-3
BATCH = 16


@torch.no_grad()
def fit_decoder(network: SegmentationNetwork, photos: Sequence[PhotoReference], targets: Sequence[Tensor]) -> None:
    """Set the decoder so that the network's patches are a linear prediction of its teacher's, at the coarsest stride.

    Args:
        network: Its encoder is read, its decoder and image head are set.
        photos: At least one; each is seen whole, squeezed to a square as the teacher saw it.
        targets: The teacher's patch embeddings of each photo (GRID * GRID, D).
    """
    tower, device = network.segmentation_tower, network.text_head.weight.device
    inputs = tower.encoder.last + 1
    # On the CPU: not every GPU computes in float64.
    gram = torch.zeros(inputs, inputs, dtype=torch.float64)
    moment = torch.zeros(inputs, network.dim, dtype=torch.float64)
    for start in range(0, len(photos), BATCH):
        part = slice(start, start + BATCH)
        pixels = torch.stack([_squeezed(photo) for photo in photos[part]]).to(device)
        coarse = tower.encoder.pyramid((pixels.float() - network.mean) / network.std, tower.encoder.stride)[0]
        x = F.adaptive_avg_pool2d(coarse, GRID).flatten(2).movedim(1, 2).flatten(0, 1).cpu().double()
        x = F.pad(x, (0, 1), value=1.0)
        wanted = torch.cat([target.cpu() for target in targets[part]])
        gram += x.T @ x
        moment += x.T @ F.normalize(wanted.double(), dim=1, eps=EPSILON)
    rank = min(tower.channels, network.dim)  # in a narrow joint space, further channels are left to the training
    weights, basis = reduced_rank(gram, moment, rank)
    for layer in (*tower.decoder.laterals, *(block.pointwise for block in tower.decoder.blocks)):
        for parameter in layer.parameters():
            parameter.zero_()
    coarsest = dict(tower.decoder.laterals[0].named_parameters())
    coarsest["weight"][:rank].copy_(weights[:-1].T[:, :, None, None])
    coarsest["bias"][:rank].copy_(weights[-1])
    network.image_head.first.weight[:, :rank].copy_(basis)
    network.image_head.first.bias.zero_()


def reduced_rank(gram: Tensor, moment: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The best linear map through `rank` numbers: `targets ~ inputs @ weights @ basis.T`.

    Args:
        gram: `inputs.T @ inputs`, (I, I).
        moment: `inputs.T @ targets`, (I, D).
        rank: At most D.

    Returns:
        weights (I, rank) and basis (D, rank), whose columns are orthonormal.

    Example:
        >>> inputs = torch.eye(4, dtype=torch.float64)
        >>> targets = inputs @ torch.eye(4, 3, dtype=torch.float64)
        >>> weights, basis = reduced_rank(inputs.T @ inputs, inputs.T @ targets, 3)
        >>> bool((inputs @ weights @ basis.T - targets).abs().max() < 0.05)
        True
    """
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    full = torch.linalg.solve(gram + ridge, moment)
    basis = torch.linalg.eigh(full.T @ gram @ full).eigenvectors[:, -rank:]
    return full @ basis, basis


def _squeezed(photo: PhotoReference) -> Tensor:
    """A whole photo (3, SIDE, SIDE)."""
    squeezed = resize(photo.picture(), (SIDE, SIDE))
    return torch.from_numpy(np.ascontiguousarray(to_array(squeezed).transpose(2, 0, 1)))
