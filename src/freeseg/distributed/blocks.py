"""The blocks of a run: the photos of each part, and which parts are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.distributed.parts import Parts
from freeseg.distributed.plan import Plan
from freeseg.files import bytes_sha256
from freeseg.photos.references import KEY_BYTES, PhotoReference

NAME_DIGITS = 32


MOST_PHOTOS = 64  # of a block
LEAST_BLOCKS = 8  # of a run, so that several processes have something to do


class Block(NamedTuple):
    """Photos that become one part.

    Attributes:
        name: Of the part: what it depends on, the photos and the plan.
        photos: The photos.
    """

    name: str
    photos: tuple[PhotoReference, ...]

    @classmethod
    def of(cls, photos: Iterable[PhotoReference], plan_sha256: str) -> Block:
        """The block of some photos.

        Example:
            >>> Block.of([PhotoReference("cat.jpg", "/photos/cat.jpg")], "plan").name[:8]
            'f4cf47d3'
        """
        chosen = tuple(photos)
        content = b"".join(photo.key for photo in chosen)
        return cls(bytes_sha256(plan_sha256.encode() + content)[:NAME_DIGITS], chosen)


def block_size(photos: Iterator[PhotoReference], most: int = MOST_PHOTOS) -> tuple[int, Iterator[PhotoReference]]:
    """How many photos a block should have: the most, and fewer where there are not many photos.

    Args:
        photos: The photos, of which some are taken.
        most: How many it has where there are many photos.

    Returns:
        The size, and all photos again.

    Example:
        >>> size, photos = block_size(iter([PhotoReference("cat.jpg", "/photos/cat.jpg")] * 20))
        >>> size, len(list(photos))
        (3, 20)
    """
    first = list(islice(photos, LEAST_BLOCKS * most))
    return max(1, -(-len(first) // LEAST_BLOCKS)), chain(first, photos)


def missing_blocks(
    photos: Iterable[PhotoReference],
    plan: Plan,
    parts: Parts,
    *,
    size: int,
    passed: Callable[[int], None] = lambda count: None,
) -> Iterator[Block]:
    """The blocks that are still to be done, in order.

    The same photos in the same order give the same blocks, so that a run that is repeated finds its parts by their
    names. Where photos were added or taken away meanwhile, those that are in any part are left out of the others. For
    that the keys of all photos of the output are held, 16 bytes each.

    Args:
        photos: The photos of the run.
        plan: What is done with them.
        parts: The output.
        size: How many photos a block has at most.
        passed: Is told how many photos are done already, whenever some are passed over.
    """
    names, plan_sha256 = parts.names(), plan.sha256
    done: NDArray[np.bytes_] | None = None
    upcoming = iter(photos)
    while chosen := tuple(islice(upcoming, size)):
        block = Block.of(chosen, plan_sha256)
        if block.name in names:
            passed(len(chosen))
            continue
        if names:
            done = np.frombuffer(parts.keys(), f"S{KEY_BYTES}") if done is None else done
            left = _without(chosen, done)
            if len(left) < len(chosen):
                passed(len(chosen) - len(left))
                if not left:
                    continue
                block = Block.of(left, plan_sha256)
        yield block


def forget_errors(parts: Parts, plan: Plan) -> int:
    """Take the rows of photos that could not be read out of an output, so that these photos are missing again.

    A kill in the middle costs at most the other rows of one part, which are then missing as well.

    Args:
        parts: The output, to which no other run writes.
        plan: What its parts were made with.

    Returns:
        How many rows were taken out.
    """
    forgotten, plan_sha256 = 0, plan.sha256
    for name in parts.names():
        errors = parts.read(name, ["error"])["error"]
        if errors.null_count == len(errors):
            continue
        table = parts.read(name)
        rest = table.filter(table["error"].is_null())
        parts.remove(name)
        if len(rest):
            photos = (PhotoReference(photo, "") for photo in rest["photo"].to_pylist())
            parts.write(Block.of(photos, plan_sha256).name, rest, rows_per_group=plan.rows_per_group)
        forgotten += len(table) - len(rest)
    return forgotten


def _without(photos: Sequence[PhotoReference], done: NDArray[np.bytes_]) -> list[PhotoReference]:
    """The photos whose keys are not among the sorted keys of what is done."""
    keys = np.array([photo.key for photo in photos], done.dtype)
    places = np.minimum(np.searchsorted(done, keys), len(done) - 1)
    return [photo for photo, is_done in zip(photos, done[places] == keys, strict=True) if not is_done]
