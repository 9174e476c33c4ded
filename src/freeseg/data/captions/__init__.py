"""Photos with captions, to train an image-text model on and to make free masks of.

A source is a folder with `captions.jsonl`, webdataset shards, a folder of photos without captions, or photos that were
named one by one: a file each in this package. A source checks its layout when it is opened, so that a mistake shows
before a training starts. It is then iterated as often as needed, always in the same order, with the bytes of one photo
in memory at a time.
"""

from freeseg.data.captions.caption_folder import CaptionFolder
from freeseg.data.captions.named_photos import NamedPhotos
from freeseg.data.captions.opening import is_source, open_sources
from freeseg.data.captions.photo_folder import PhotoFolder
from freeseg.data.captions.source import SPLITS, CaptionedPhoto, PhotoSource
from freeseg.data.captions.tar_shards import TarShards

__all__ = [
    "SPLITS",
    "CaptionFolder",
    "CaptionedPhoto",
    "NamedPhotos",
    "PhotoFolder",
    "PhotoSource",
    "TarShards",
    "is_source",
    "open_sources",
]
