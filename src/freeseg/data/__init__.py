"""Data: photos with captions, free masks to train on, and segmentation datasets to measure on."""

from freeseg.data.captions import (
    CaptionedPhoto,
    CaptionFolder,
    NamedPhotos,
    PhotoFolder,
    PhotoSource,
    TarShards,
    is_source,
    open_sources,
)

__all__ = [
    "CaptionFolder",
    "CaptionedPhoto",
    "NamedPhotos",
    "PhotoFolder",
    "PhotoSource",
    "TarShards",
    "is_source",
    "open_sources",
]
