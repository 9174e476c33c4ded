"""Data: photos with captions, free masks to train on, and segmentation datasets to measure on."""

from freeseg.data.captions import CaptionedPhoto, CaptionFolder, PhotoFolder, PhotoSource, TarShards, open_sources

__all__ = ["CaptionFolder", "CaptionedPhoto", "PhotoFolder", "PhotoSource", "TarShards", "open_sources"]
