"""Data to train on and to measure with."""

from freeseg.data.captions import CaptionFolder, Pair, PairSource, PhotoFolder, TarShards, open_sources

__all__ = ["CaptionFolder", "Pair", "PairSource", "PhotoFolder", "TarShards", "open_sources"]
