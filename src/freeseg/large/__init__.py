"""Pictures that are too large for memory, with or without a georeference: window by window, to a mask and polygons."""

from freeseg.large.picture import open_picture
from freeseg.large.segmenting import LargeResult, WindowSettings, segment_large

__all__ = ["LargeResult", "WindowSettings", "open_picture", "segment_large"]
