"""What every driver calls: a block becomes a part."""

from __future__ import annotations

from typing import NamedTuple

from freeseg.distributed.blocks import Block
from freeseg.distributed.embedding import embed_block, query_block
from freeseg.distributed.free_masks import label_block
from freeseg.distributed.parts import Parts
from freeseg.distributed.plan import Plan
from freeseg.distributed.segmenting import segment_block

WORK = {"masks": segment_block, "embeddings": embed_block, "query": query_block, "free masks": label_block}


class Outcome(NamedTuple):
    """What became of a block.

    Attributes:
        photos: How many photos it has.
        broken: How many of them could not be read.
        problem: Why the block is not done; "" where it is.
    """

    photos: int
    broken: int = 0
    problem: str = ""


def do_block(block: Block, plan: Plan, folder: str) -> Outcome:
    """Do a block: read its photos, do with them what the plan says, write the part.

    It may be called in any process on any machine that has FreeSeg and sees the photos and the folder; twice, or again
    after a kill, gives the same part.

    Args:
        block: The photos.
        plan: What is done with them.
        folder: The output.

    Raises:
        FreeSegError: The model cannot be had on this machine, or the part cannot be written.

    Example:
        >>> import tempfile
        >>> from freeseg.distributed import PhotoReference, mask_plan
        >>> plan = mask_plan("cat", model="freeseg-lite")
        >>> block = Block.of([PhotoReference("no.jpg", "/no/such/photo.jpg")], plan.sha256)
        >>> do_block(block, plan, tempfile.mkdtemp())
        Outcome(photos=1, broken=1, problem='')
    """
    table = WORK[plan.kind](block.photos, plan)
    Parts(folder).write(block.name, table, rows_per_group=plan.rows_per_group)
    return Outcome(len(table), len(table) - table["error"].null_count)
