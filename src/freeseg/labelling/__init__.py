"""Free masks for any number of photos, to train a segmentation network on."""

from freeseg.labelling.coco import write_coco
from freeseg.labelling.collecting import COLLECTED, collect_photos
from freeseg.labelling.run import LabellingResult, label

__all__ = ["COLLECTED", "LabellingResult", "collect_photos", "label", "write_coco"]
