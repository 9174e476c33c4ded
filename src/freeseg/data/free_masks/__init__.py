"""Free masks on disk: what `freeseg label` writes and the training of a segmentation network reads.

labels.json                       the labels of the masks, and the model that made them
manifest.jsonl                    a line for each photo
masks/SOURCE/STEM.png             palette PNG, or 16-bit grey with more than 255 labels; 255 is "don't know"
confidence/SOURCE/STEM.png        8-bit grey, where 255 is certain

Or, of very many photos: plan.json, and Parquet files with a row for each photo.
"""

from freeseg.data.free_masks.entries import CAPTIONS, MANIFEST, PRESENCE, Entry, read_manifest
from freeseg.data.free_masks.folder import CONFIDENCE, MASKS, FreeMasks
from freeseg.data.free_masks.opening import open_free_masks
from freeseg.data.free_masks.parquet import ParquetFreeMasks, is_parquet
from freeseg.data.free_masks.settings import LABELS, MaskSettings, write_settings

__all__ = [
    "CAPTIONS",
    "CONFIDENCE",
    "LABELS",
    "MANIFEST",
    "MASKS",
    "PRESENCE",
    "Entry",
    "FreeMasks",
    "MaskSettings",
    "ParquetFreeMasks",
    "is_parquet",
    "open_free_masks",
    "read_manifest",
    "write_settings",
]
