"""Data to train on and to measure with."""

from freeseg.data.captions import CaptionedPhoto, CaptionFolder, PhotoFolder, PhotoSource, TarShards, open_sources

__all__ = ["CaptionFolder", "CaptionedPhoto", "PhotoFolder", "PhotoSource", "TarShards", "open_sources"]
