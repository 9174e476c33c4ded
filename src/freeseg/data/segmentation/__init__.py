"""Photos with masks, for measuring only: public datasets in their usual layouts, and a user's own folder.

Each family of datasets has a file. Opening a dataset only lists its folders, so that it takes a moment; a mask is read
and checked when its truth is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from freeseg.data.segmentation.ade20k import open_ade20k
from freeseg.data.segmentation.cityscapes import open_cityscapes
from freeseg.data.segmentation.coco import open_coco_object, open_coco_stuff
from freeseg.data.segmentation.context import open_context
from freeseg.data.segmentation.dataset import SETTINGS, UNKNOWN, SegmentationData, check_size
from freeseg.data.segmentation.folder import open_folder
from freeseg.data.segmentation.layout import AnnotatedPhoto
from freeseg.data.segmentation.voc import open_voc
from freeseg.errors import DataError, shortened

__all__ = [
    "DATASETS",
    "SETTINGS",
    "UNKNOWN",
    "AnnotatedPhoto",
    "SegmentationData",
    "check_size",
    "open_dataset",
]

_OPENERS: dict[str, Callable[[Path], SegmentationData]] = {
    "voc20": partial(open_voc, background=False),
    "voc21": partial(open_voc, background=True),
    "context59": partial(open_context, background=False),
    "context60": partial(open_context, background=True),
    "coco-object": open_coco_object,
    "coco-stuff164k": open_coco_stuff,
    "cityscapes": open_cityscapes,
    "ade20k": open_ade20k,
}
FOLDER = "folder"
DATASETS = (*_OPENERS, FOLDER)


def open_dataset(name: str, root: str | Path, *, classes: str | Path | None = None) -> SegmentationData:
    """Open a segmentation dataset.

    Args:
        name: One of `DATASETS`.
        root: The dataset's folder; the `open_...` function of each dataset in this package describes its layout.
        classes: Of "folder" only, the JSON file that names the classes; None for `classes.json` in the root.

    Raises:
        DataError: There is no such dataset, its layout is another, or a photo or a mask is missing.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "JPEGImages").mkdir(), (root / "SegmentationClass").mkdir()
        (None, None)
        >>> Image.new("RGB", (3, 2)).save(root / "JPEGImages" / "a.jpg")
        >>> Image.new("L", (3, 2), 15).save(root / "SegmentationClass" / "a.png")
        >>> data = open_dataset("voc21", root)
        >>> data.items[0].name, data.classes[data.truth(data.items[0])[0, 0]]
        ('a', 'person')
    """
    if name not in DATASETS:
        raise DataError(f"no dataset is called {shortened(name)}; there are: {', '.join(DATASETS)}")
    if name == FOLDER:
        return open_folder(Path(root), classes=Path(classes) if classes else None)
    if classes:
        raise DataError(f"{name} has its own classes; a classes file is for {FOLDER!r}")
    return _OPENERS[name](Path(root))
