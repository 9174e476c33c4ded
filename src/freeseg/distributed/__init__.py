"""More photos than one machine should do: a core that any engine can drive, and drivers for this process and Ray.

The core is one function, `do_block(block, plan, folder)`: some photos become one part of a Parquet data set, which is
named by the photos and the plan and written whole or not at all. So a block may be done anywhere, twice, or again after
a kill, and a driver needs to know nothing about photos.
"""

from freeseg.distributed.blocks import Block, block_size, forget_errors, missing_blocks
from freeseg.distributed.core import Outcome, do_block
from freeseg.distributed.embedding import embed_block, missing_queries, query_block
from freeseg.distributed.free_masks import label_block
from freeseg.distributed.parts import Parts
from freeseg.distributed.plan import Plan, embedding_plan, free_mask_plan, mask_plan, model_of, query_plan
from freeseg.distributed.segmenting import segment_block
from freeseg.distributed.sources import photo_references
from freeseg.photos.references import PhotoReference

__all__ = [
    "Block",
    "Outcome",
    "Parts",
    "PhotoReference",
    "Plan",
    "block_size",
    "do_block",
    "embed_block",
    "embedding_plan",
    "forget_errors",
    "free_mask_plan",
    "label_block",
    "mask_plan",
    "missing_blocks",
    "missing_queries",
    "model_of",
    "photo_references",
    "query_block",
    "query_plan",
    "segment_block",
]
